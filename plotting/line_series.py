"""Several lines over one axis, each with its name at its end; a line may have an interval around it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from plotting.axis import Axis
from plotting.frame import FLOOR, LEFT, TOP, WIDTH, plot, x_axis, y_axis

NAMES = 132
"""Pixels at the right for the names."""
APART = 14
"""Between two names."""
STYLES = 4
"""Strokes that differ; a further line looks as the first."""


@dataclass(frozen=True, slots=True)
class Series:
    """One line: points sorted by x, and what to call it."""

    name: str
    points: Sequence[tuple[float, float]]
    interval: Sequence[tuple[float, float, float]] = ()
    """(x, lowest, highest), sorted by x."""


def line_series(
    series: Sequence[Series],
    aria_label: str,
    x_name: str,
    y_name: str,
    *,
    least: float = -math.inf,
    most: float = math.inf,
) -> Markup:
    """The lines, the first above the others.

    Args:
        series: At least one, each with a point.
        aria_label: The sentence for who cannot see the plot.
        x_name: With its unit.
        y_name: Likewise.
        least: What `y` cannot be below.
        most: What `y` cannot be above.
    """
    end = WIDTH - NAMES
    x = Axis.over([at for each in series for at, _ in each.points], LEFT, end)
    values = [value for each in series for _, value in each.points]
    values += [value for each in series for _, *ends in each.interval for value in ends]
    y = Axis.over(values, FLOOR, TOP, least=least, most=most).to_ticks(least=least, most=most)
    bands = [_band(each, x, y) for each in series if each.interval]
    lines = [_line(number % STYLES, each, x, y) for number, each in enumerate(series)]
    return plot(aria_label, x_axis(x, x_name), y_axis(y, y_name), *bands, *reversed(lines), *_names(series, end, y))


def _band(series: Series, x: Axis, y: Axis) -> Markup:
    there = [f"{x(at)},{y(low)}" for at, low, _ in series.interval]
    back = [f"{x(at)},{y(high)}" for at, _, high in reversed(series.interval)]
    return Markup('<polygon class="band" points="{}"/>').format(" ".join([*there, *back]))


def _line(style: int, series: Series, x: Axis, y: Axis) -> Markup:
    points = " ".join(f"{x(at)},{y(value)}" for at, value in series.points)
    return Markup('<polyline class="s{}" points="{}"/>').format(style, points)


def _names(series: Sequence[Series], end: float, y: Axis) -> list[Markup]:
    """At the height of the last points, pushed apart where they would lie on each other."""
    heights = {each.name: y(each.points[-1][1]) for each in series}
    placed, last = [], -math.inf
    for name, height in sorted(heights.items(), key=lambda item: item[1]):
        last = max(height + 4, last + APART)
        placed.append(Markup('<text class="label" x="{}" y="{}">{}</text>').format(end + 8, round(last, 2), name))
    return placed
