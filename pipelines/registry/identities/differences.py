"""In what two identities differ, in words."""

from collections.abc import Iterator, Mapping
from typing import Any

_LONG = 40
_OTHER = "it was made by a version of Glasshouse that recorded other things"


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """A phrase for each code version, card field and finding that differs: its name, what it was, what it is."""
    if not all(isinstance(part, dict) for part in before.values()) or not before.keys() >= now.keys():
        return [_OTHER]
    return [
        *_changed(before.get("code", {}), now.get("code", {}), "code version of {}"),
        *_changed(before.get("settings", {}), now.get("settings", {}), "{}"),
        *_found(before.get("found", {}), now.get("found", {})),
    ]


def _found(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    for stage in sorted(before.keys() | now.keys()):
        yield from _changed(before.get(stage, {}), now.get(stage, {}), f"{{}} of {stage}")


def _changed(before: Mapping[str, Any], now: Mapping[str, Any], called: str) -> Iterator[str]:
    for name in sorted(before.keys() | now.keys()):
        if before.get(name) != now.get(name):
            was, is_now = (_spelled(values[name]) if name in values else "not read" for values in (before, now))
            yield f"{called.format(name)} was {was}, is {is_now}"


def _spelled(value: Any) -> str:
    text = str(value)
    if len(text) <= _LONG:
        return text
    return f"{text[:12]}…" if text.isalnum() else f"{text[:_LONG]}…"
