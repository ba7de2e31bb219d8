"""Plots as SVG: drawn here, styled by the style sheet, each with a sentence for who cannot see it."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape

WIDTH, HEIGHT = 640, 200
LEFT, RIGHT, TOP, BOTTOM = 56, 28, 22, 34
"""Margins: numbers stand to the left and below."""


@dataclass(frozen=True, slots=True)
class Axis:
    """Where values from `low` to `high` stand between two pixels; logarithmic where said so."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    @classmethod
    def over(cls, values: Iterable[float], start: float, end: float, log: bool = False) -> "Axis":
        """An axis that just holds the values; those that a logarithm has no place for are left out."""
        positions = [value for value in values if not log or value > 0] or [1.0]
        low, high = min(positions), max(positions)
        if low == high:
            low, high = (low / 2, high * 2) if log else (low - 0.5, high + 0.5)
        return cls(low, high, start, end, log)

    def __call__(self, value: float) -> float:
        low, high = (math.log(self.low), math.log(self.high)) if self.log else (self.low, self.high)
        at = math.log(max(value, self.low)) if self.log else value
        return round(self.start + (at - low) / (high - low) * (self.end - self.start), 2)

    def ticks(self, n: int = 4) -> list[float]:
        """Evenly placed values from the lowest to the highest."""
        shares = [step / (n - 1) for step in range(n)]
        if self.log:
            return [self.low * (self.high / self.low) ** share for share in shares]
        return [self.low + (self.high - self.low) * share for share in shares]


@dataclass(frozen=True, slots=True)
class Bar:
    """A slice of a histogram: its edges, how many it holds, and a class of the style sheet."""

    lower: float
    upper: float
    n: int
    style: str = ""


@dataclass(frozen=True, slots=True)
class Stack:
    """A column of ratings: its name, and how often each rating from 0 on was given."""

    name: str
    counts: Sequence[int]


@dataclass(frozen=True, slots=True)
class Point:
    """A dot with a name, that may lead somewhere."""

    x: float
    y: float
    name: str
    href: str = ""
    style: str = ""


def bars(rows: Sequence[Any], styles: Sequence[str] = ()) -> list[Bar]:
    """Rows with `lower`, `upper` and `n` as slices; each has the style of its place, where there is one."""
    return [
        Bar(row.lower, row.upper, row.n, style) for row, style in zip(rows, styles or [""] * len(rows), strict=True)
    ]


def histogram(
    bars: Sequence[Bar], aria_label: str, x_name: str, *, log: bool = False, mark: float | None = None
) -> Markup:
    """Counts over slices. Heights are logarithmic, so that a slice of one is seen beside a slice of a million.

    Args:
        bars: The slices, in any order.
        aria_label: The sentence for who cannot see the plot.
        x_name: What is sliced, with its unit.
        log: Whether the slices are of equal width on a logarithmic scale.
        mark: A value to point at.
    """
    x = Axis.over([edge for bar in bars for edge in (bar.lower, bar.upper)], LEFT, WIDTH - RIGHT, log)
    tallest = math.log1p(max((bar.n for bar in bars), default=0)) or 1.0
    floor, room = HEIGHT - BOTTOM, HEIGHT - BOTTOM - TOP
    body, places = [], {edge: x(edge) for bar in bars for edge in (bar.lower, bar.upper)}
    for bar in bars:
        height, left = round(math.log1p(bar.n) / tallest * room, 2), places[bar.lower]
        width = max(1, round(places[bar.upper] - left - 1, 2))
        body.append(  # an f-string, for a page has two hundred bars: all but the style are numbers
            Markup(
                f'<rect class="bar {escape(bar.style)}" x="{left}" y="{round(floor - height, 2)}" width="{width}" '
                f'height="{height}"><title>{bar.lower:.4g} to {bar.upper:.4g}: {bar.n:,}</title></rect>'
            )
        )
    if mark is not None and (mark > 0 or not log):
        at = x(min(max(mark, x.low), x.high))
        body.append(
            Markup('<line class="mark" x1="{0}" x2="{0}" y1="{1}" y2="{2}"><title>{3:.4g}</title></line>').format(
                at, TOP, floor, mark
            )
        )
    top = Markup('<text class="y" x="{}" y="{}">{:,}</text>').format(
        LEFT - 4, TOP + 10, max((bar.n for bar in bars), default=0)
    )
    return _plot(aria_label, _x_axis(x, x_name), top, *body)


def stacked_bars(stacks: Sequence[Stack], aria_label: str, x_name: str) -> Markup:
    """Columns of equal height, cut into the share of each rating: the best at the bottom, in the class of its number.

    Args:
        stacks: The columns, from left to right; one without ratings is left empty.
        aria_label: The sentence for who cannot see the plot.
        x_name: What the columns are.
    """
    y = Axis(0.0, 1.0, HEIGHT - BOTTOM, TOP)
    step = (WIDTH - RIGHT - LEFT) / max(1, len(stacks))
    body = []
    for place, stack in enumerate(stacks):
        left, total, below = round(LEFT + place * step, 2), sum(stack.counts), 0
        for rating, n in reversed(list(enumerate(stack.counts))):
            if n:
                top, bottom = y((below + n) / total), y(below / total)
                slice_ = Markup(
                    '<rect class="bar r{}" x="{}" y="{}" width="{}" height="{}">'
                    "<title>{}: {:,} of {:,} rated {}</title></rect>"
                )
                width, height = max(1, round(step - 2, 2)), round(bottom - top, 2)
                body.append(slice_.format(rating, left, top, width, height, stack.name, n, total, rating))
                below += n
        middle = round(left + step / 2, 2)
        body.append(Markup('<text class="x" x="{}" y="{}">{}</text>').format(middle, HEIGHT - BOTTOM + 14, stack.name))
    named = Markup('<text class="name" x="{}" y="{}">{}</text>').format(WIDTH / 2, HEIGHT - 5, x_name)
    return _plot(aria_label, _y_axis(y, "share"), named, *body)


def scatter(points: Sequence[Point], aria_label: str, x_name: str, y_name: str) -> Markup:
    """Dots over a logarithmic x axis."""
    x = Axis.over([point.x for point in points], LEFT + 10, WIDTH - RIGHT - 10, log=True)
    y = Axis.over([point.y for point in points], HEIGHT - BOTTOM - 8, TOP + 8)
    body = []
    for point in points:
        dot = Markup('<circle class="dot {}" cx="{}" cy="{}" r="5"><title>{}</title></circle>').format(
            point.style, x(point.x), y(point.y), point.name
        )
        body.append(
            Markup('<a href="{}" aria-label="{}">{}</a>').format(point.href, point.name, dot) if point.href else dot
        )
    # An image has no parts to a screen reader: where dots are links, the plot is a group of them.
    role = "group" if any(point.href for point in points) else "img"
    return _plot(aria_label, _x_axis(x, x_name), _y_axis(y, y_name), *body, role=role)


def curve(points: Sequence[tuple[float, float]], aria_label: str, x_name: str) -> Markup:
    """One line through points sorted by x."""
    x = Axis.over([at for at, _ in points], LEFT, WIDTH - RIGHT)
    y = Axis.over([value for _, value in points], HEIGHT - BOTTOM, TOP)
    path = " ".join(f"{x(at)},{y(value)}" for at, value in points)
    return _plot(aria_label, _x_axis(x, x_name), _y_axis(y, ""), Markup('<polyline points="{}"/>').format(path))


def short(value: float) -> str:
    """Three digits, with thousands and millions by letter."""
    for letter, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if abs(value) >= size:
            return f"{value / size:.3g}{letter}"
    return f"{value:.3g}"


def _plot(aria_label: str, *parts: Markup, role: str = "img") -> Markup:
    return Markup('<svg class="plot" role="{}" aria-label="{}" viewBox="0 0 {} {}">{}</svg>').format(
        role, aria_label, WIDTH, HEIGHT, Markup("").join(parts)
    )


def _x_axis(axis: Axis, name: str) -> Markup:
    ticks = [
        Markup('<text class="x" x="{}" y="{}">{}</text>').format(axis(value), HEIGHT - BOTTOM + 14, short(value))
        for value in axis.ticks()
    ]
    named = Markup('<text class="name" x="{}" y="{}">{}</text>').format(WIDTH / 2, HEIGHT - 5, name)
    return Markup("").join([*ticks, named])


def _y_axis(axis: Axis, name: str) -> Markup:
    ticks = [
        Markup('<text class="y" x="{}" y="{}">{}</text>').format(LEFT - 4, axis(value) + 4, short(value))
        for value in axis.ticks(3)
    ]
    named = Markup('<text class="y-name" x="{}" y="{}">{}</text>').format(4, 12, name)
    return Markup("").join([*ticks, named])
