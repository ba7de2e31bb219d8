"""One object of a dump, each of whose values is held against what is wanted of it as it is taken."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NoReturn

from models.interchange.dashboards.dump import BadDump
from storage.storable_text import storable_json

_MOST = 2**31 - 1


def parsed(text: str | bytes, place: str) -> Any:
    """JSON, in which NaN and Infinity, which JSON has not, are refused, and unpaired surrogates are replaced.

    Raises:
        BadDump: Naming the place.
    """

    def refuse(constant: str) -> NoReturn:
        raise BadDump(f"{place}: found {constant}, wanted a finite number: mend the dump or leave the feature out")

    try:
        return storable_json(text, parse_constant=refuse)
    except BadDump:
        raise
    except ValueError as error:
        raise BadDump(f"{place}: not JSON ({error}): fetch or write the file again") from error


@dataclass(frozen=True, slots=True)
class CheckedRecord:
    """An object and where it stands, such as `features/batch-0.jsonl.gz, line 3`."""

    place: str
    values: Mapping[str, Any]
    names: Mapping[str, str] = field(default_factory=dict)
    """What the file itself calls a key, where it has another name for it; errors say that."""

    @classmethod
    def of(cls, value: Any, place: str) -> "CheckedRecord":
        if not isinstance(value, dict):
            raise BadDump(f"{place}: found {type(value).__name__}, wanted an object such as {{…}}: write it again")
        return cls(place, value)

    def fault(self, found: str) -> BadDump:
        return BadDump(f"{self.place}: {found}")

    def need(self, *keys: str) -> None:
        """Holds that the keys are there, whatever their values."""
        if missing := [key for key in keys if key not in self.values]:
            raise self.fault(
                f"{', '.join(missing)} missing; found {', '.join(self.values) or 'no keys'}: export the dump again "
                "with a version that writes them"
            )

    def key(self, key: str) -> str:
        """A key as the file has it."""
        return self.names.get(key, key)

    def _wrong(self, key: str, wanted: str) -> BadDump:
        shown = repr(self.values.get(key))
        return self.fault(
            f"{self.key(key)} is {shown[:80]}{'…' if len(shown) > 80 else ''}, wanted {wanted}: mend the line"
        )

    def has(self, key: str) -> bool:
        return self.values.get(key) is not None

    def index(self, key: str, below: int | None = None) -> int:
        """A latent, as a number or as digits."""
        value = self.values.get(key)
        if isinstance(value, str) and value.isascii() and value.isdigit():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < _MOST:
            raise self._wrong(key, "a whole number from 0 on")
        if below is not None and value >= below:
            raise self._wrong(key, f"one of 0 to {below - 1}, for the dictionary has {below} features")
        return value

    def whole(self, key: str) -> int | None:
        """A whole number from 0 on; None where there is none."""
        value = self.values.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0 or value != int(value):
            raise self._wrong(key, "a whole number from 0 on")
        return int(value)

    def number(self, key: str, low: float = -math.inf, high: float = math.inf) -> float | None:
        """A finite number within bounds; None where there is none."""
        value = self.values.get(key)
        if value is None:
            return None
        if not _finite(value) or not low <= value <= high:
            between = f" from {low:g} to {high:g}" if math.isfinite(high) else f" from {low:g} on"
            raise self._wrong(key, f"a finite number{between if math.isfinite(low) else ''}")
        return float(value)

    def numbers(self, key: str, low: float = -math.inf, high: float = math.inf) -> list[float]:
        """A list of finite numbers; empty where there is none."""
        values = self._list(key)
        for place, value in enumerate(values):
            if not _finite(value) or not low <= value <= high:
                raise self.fault(
                    f"{self.key(key)}[{place}] is {value!r}, wanted a finite number from {low:g} to {high:g}"
                )
        return [float(value) for value in values]

    def indices(self, key: str) -> list[int]:
        found = self._list(key)
        for place, value in enumerate(found):
            if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < _MOST:
                raise self.fault(f"{self.key(key)}[{place}] is {value!r}, wanted a whole number from 0 on")
        return found

    def text(self, key: str) -> str | None:
        value = self.values.get(key)
        if value is not None and not isinstance(value, str):
            raise self._wrong(key, "text")
        return value

    def texts(self, key: str) -> list[str]:
        found = self._list(key)
        for place, value in enumerate(found):
            if not isinstance(value, str):
                raise self.fault(f"{self.key(key)}[{place}] is {value!r}, wanted text")
        return found

    def same_length(self, one: str, other: str) -> None:
        n, m = len(self._list(one)), len(self._list(other))
        if n != m:
            one, other = self.key(one), self.key(other)
            raise self.fault(f"{one} has {n} entries, {other} has {m}, wanted as many: write the dump again")

    def time(self, key: str) -> datetime | None:
        """A moment as UTC."""
        text = self.text(key)
        if text is None:
            return None
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            raise self._wrong(key, "a time such as 2026-01-31T12:00:00") from None
        return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment

    def _list(self, key: str) -> list[Any]:
        value = self.values.get(key)
        if value is None:
            return []
        if not isinstance(value, list):
            raise self._wrong(key, "a list")
        return value


def _finite(value: Any) -> bool:
    return not isinstance(value, bool) and isinstance(value, (int, float)) and math.isfinite(value)
