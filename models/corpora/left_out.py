"""What of a corpus is left out: how often for each reason, and the names of the first."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

NAMED, REASONS = 10, 50


@dataclass(slots=True)
class LeftOut:
    """Counts of files, rows and documents that are not read, by the reason."""

    counts: Counter[str] = field(default_factory=Counter)
    names: dict[str, list[str]] = field(default_factory=dict)
    """The first ten of each reason."""

    def add(self, reason: str, name: str) -> None:
        """Counts one; reasons beyond the fiftieth, which come of messages that differ each time, count together."""
        if reason not in self.counts and len(self.counts) >= REASONS:
            reason = "of other reasons"
        self.counts[reason] += 1
        names = self.names.setdefault(reason, [])
        if len(names) < NAMED:
            names.append(name)

    def __or__(self, other: "LeftOut") -> "LeftOut":
        """Both together, whose reasons differ."""
        return LeftOut(self.counts + other.counts, self.names | other.names)

    def facts(self) -> list[dict[str, object]]:
        """One entry a reason: `reason`, `n`, and `first`, the names of at most ten."""
        return [{"reason": why, "n": n, "first": self.names[why]} for why, n in sorted(self.counts.items())]

    def __str__(self) -> str:
        """For example `1 left out as empty: a.txt; 12 left out as not UTF-8: b.txt, …`."""
        return "; ".join(f"{n:,} left out as {why}: {self._first(why, n)}" for why, n in sorted(self.counts.items()))

    def _first(self, reason: str, n: int) -> str:
        names: Iterable[str] = self.names[reason]
        return ", ".join(names) + (", …" if n > NAMED else "")
