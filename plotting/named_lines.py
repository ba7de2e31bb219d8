"""Several lines over one axis, each with its name at its end and, where known, an interval at each point."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from plotting.axis import Axis
from plotting.frame import FLOOR, LEFT, RIGHT, TOP, WIDTH, plot, x_axis, y_axis

NAMES = 130
"""Pixels to the right for names."""
LINE = 14
"""Pixels between two names."""
DASHES = ("", "6 3", "2 3", "8 3 2 3", "1 5")
"""Lines differ by their dashes, to be told apart without colour."""


@dataclass(frozen=True, slots=True)
class NamedLine:
    """A line through points sorted by x."""

    name: str
    points: Sequence[tuple[float, float]]
    intervals: Sequence[tuple[float | None, float | None]] = ()
    """Ends of the interval at each point, or none at all."""


def named_lines(lines: Sequence[NamedLine], aria_label: str, x_name: str, y_name: str) -> Markup:
    """Lines whose vertical axis holds 0.

    Args:
        lines: The first is the one that the others are compared with.
        aria_label: The sentence for who cannot see the plot.
        x_name: With its unit.
        y_name: Likewise.
    """
    ends = [end for line in lines for pair in line.intervals for end in pair if end is not None]
    values = [0.0, *ends, *(value for line in lines for _, value in line.points)]
    x = Axis.over([at for line in lines for at, _ in line.points], LEFT, WIDTH - RIGHT - NAMES)
    y = Axis.over(values, FLOOR, TOP).to_ticks()
    marks = [part for number, line in enumerate(lines) for part in _line(line, x, y, DASHES[number % len(DASHES)])]
    return plot(aria_label, x_axis(x, x_name), y_axis(y, y_name), *marks, *_names(lines, x, y))


def _line(line: NamedLine, x: Axis, y: Axis, dash: str) -> list[Markup]:
    path = " ".join(f"{x(at)},{y(value)}" for at, value in line.points)
    parts = [Markup('<polyline points="{}" stroke-dasharray="{}"/>').format(path, dash or "none")]
    for (at, _), (low, high) in zip(line.points, line.intervals, strict=False):
        if low is not None and high is not None and math.isfinite(low + high):
            whisker = Markup('<line class="leader" x1="{0}" x2="{0}" y1="{1}" y2="{2}"/>')
            parts.append(whisker.format(x(at), y(low), y(high)))
    return parts


def _names(lines: Sequence[NamedLine], x: Axis, y: Axis) -> list[Markup]:
    """Names to the right, moved apart where they would lie on each other."""
    parts, lowest, right = [], float(TOP) - LINE, WIDTH - RIGHT - NAMES
    for line in sorted(lines, key=lambda line: -line.points[-1][1]):
        lowest = max(y(line.points[-1][1]), lowest + LINE)
        leader = Markup('<line class="leader" x1="{}" y1="{}" x2="{}" y2="{}"/>')
        parts.append(leader.format(x(line.points[-1][0]), y(line.points[-1][1]), right + 8, lowest))
        parts.append(Markup('<text class="label" x="{}" y="{}">{}</text>').format(right + 11, lowest + 4, line.name))
    return parts
