"""Axes: which values they hold, where these stand, and at which numbers a tick stands."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

from matplotlib.ticker import LogLocator, MaxNLocator

NEAR = 1e-9
"""Share of an axis by which a tick may lie beyond its end."""


@dataclass(frozen=True, slots=True)
class Axis:
    """Where values from `low` to `high` stand between two pixels; logarithmic where said so."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    @classmethod
    def over(
        cls,
        values: Iterable[float],
        start: float,
        end: float,
        *,
        log: bool = False,
        least: float = -math.inf,
        most: float = math.inf,
    ) -> "Axis":
        """An axis that just holds the values; those that a logarithm has no place for are left out.

        Args:
            values: What is to be shown.
            start: Pixel of the lowest.
            end: Pixel of the highest.
            log: Whether distances are ratios.
            least: What no value can be below: the axis does not go there.
            most: What no value can be above.
        """
        positions = [value for value in values if not log or value > 0] or [1.0]
        low, high = min(positions), max(positions)
        if low == high:
            low, high = (low / 2, high * 2) if log else (low - 0.5, high + 0.5)
        return cls(max(low, least), min(high, most), start, end, log)

    def to_ticks(self, *, least: float = -math.inf, most: float = math.inf) -> "Axis":
        """The axis that begins and ends with a tick, as far as values can be."""
        ticks = self._located(5)
        low = max((tick for tick in ticks if tick <= self.low), default=self.low)
        high = min((tick for tick in ticks if tick >= self.high), default=self.high)
        return replace(self, low=max(low, least), high=min(high, most))

    def __call__(self, value: float) -> float:
        low, high = (math.log(self.low), math.log(self.high)) if self.log else (self.low, self.high)
        at = math.log(max(value, self.low)) if self.log else value
        return round(self.start + (at - low) / (high - low) * (self.end - self.start), 2)

    def ticks(self, n: int = 5) -> list[float]:
        """Multiples of 1, 2 or 5 times a power of ten within the axis, some n; of a logarithmic one decades, or where
        there are fewer than three 1, 2 and 5 times a decade, or where these are fewer than two as of one that is not.
        """
        slack = NEAR * (self.high - self.low)
        return [tick for tick in self._located(n) if self.low - slack <= tick <= self.high + slack]

    def _located(self, n: int) -> list[float]:
        """Ticks within the axis and the next ones beyond it."""
        if self.log:
            for locator, fewest in ((LogLocator(10, numticks=n + 2), 3), (LogLocator(10, (1, 2, 5), numticks=99), 2)):
                ticks = [float(tick) for tick in locator.tick_values(self.low, self.high)]
                if sum(self.low <= tick <= self.high for tick in ticks) >= fewest:
                    return ticks
        return [float(tick) for tick in MaxNLocator(n, steps=[1, 2, 5, 10]).tick_values(self.low, self.high)]


def short(value: float) -> str:
    """Three digits, with thousands and millions by letter."""
    for letter, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if abs(value) >= size:
            return f"{value / size:.3g}{letter}"
    return f"{value:.3g}"
