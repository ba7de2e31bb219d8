"""Text from outside that no file or table could hold, made such that they can."""

import json
from typing import Any

REPLACEMENT = "\ufffd"


def storable(text: str) -> str:
    """A text with every unpaired surrogate replaced by U+FFFD.

    Half of a surrogate pair is no character: UTF-8, and so Parquet and DuckDB, have no way to write it.
    """
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def storable_json(text: str | bytes, **options: Any) -> Any:
    """What JSON says, its texts storable: JSON can spell half a pair (`\\ud800`).

    Args:
        options: Of `json.loads`.

    Raises:
        ValueError: If it is no JSON, or is nested deeper than Python can read.
    """
    try:
        value = json.loads(text, **options)
        return _storable(value) if _may_hold_halves(text) else value
    except RecursionError as error:
        raise ValueError("it is nested too deeply to be read") from error


def _may_hold_halves(text: str | bytes) -> bool:
    """As an escape, or as it is; bytes were read as UTF-8, which has none."""
    if isinstance(text, bytes):
        return b"\\ud" in text.lower()
    return "\\ud" in text.lower() or not text.isascii()


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, list):
        return [_storable(item) for item in value]
    if isinstance(value, dict):
        return {storable(name): _storable(item) for name, item in value.items()}
    return value
