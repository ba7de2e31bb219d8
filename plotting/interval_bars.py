"""Bars that lie, one below the other, from 0 to a value, each with its interval."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from plotting.axis import Axis, short
from plotting.frame import RIGHT, WIDTH

LINE, ABOVE, BELOW = 20, 8, 40
"""Pixels of a bar with its distance to the next, above the first and below the last."""
LETTER = 6.6
"""Pixels of a letter, on average."""


@dataclass(frozen=True, slots=True)
class IntervalBar:
    """A value with a name, which may have an interval around it."""

    name: str
    value: float
    low: float | None = None
    high: float | None = None


def interval_bars(bars: Sequence[IntervalBar], aria_label: str, x_name: str) -> Markup:
    """Bars to the right of 0, or to its left, with a line from the interval's lower end to its upper one.

    Args:
        bars: From top to bottom.
        aria_label: The sentence for who cannot see the plot.
        x_name: What the values are, with their unit.
    """
    left, floor = round(LETTER * max((len(bar.name) for bar in bars), default=0)) + 14, ABOVE + LINE * len(bars)
    ends = [value for bar in bars for value in (bar.value, bar.low, bar.high) if value is not None]
    x = Axis.over([0.0, *ends], left, WIDTH - RIGHT).to_ticks()
    parts = [
        Markup('<line class="tick" x1="{0}" x2="{0}" y1="{1}" y2="{2}"/><text class="x" x="{0}" y="{3}">{4}</text>')
        .format(x(tick), ABOVE, floor + 4, floor + 17, short(tick))
        for tick in x.ticks()
    ]  # fmt: skip
    for place, bar in enumerate(bars):
        parts.append(_drawn(bar, x, left, ABOVE + LINE * place))
    middle, height = (left + WIDTH - RIGHT) / 2, floor + BELOW
    parts.append(Markup('<text class="name" x="{}" y="{}">{}</text>').format(middle, height - 6, x_name))
    return Markup('<svg class="plot" role="img" aria-label="{}" viewBox="0 0 {} {}">{}</svg>').format(
        aria_label, WIDTH, height, Markup("").join(parts)
    )


def _drawn(bar: IntervalBar, x: Axis, left: int, top: int) -> Markup:
    begin, end = sorted((x(0), x(bar.value)))
    said = f"{bar.name}: {bar.value:+.4g}"
    if bar.low is not None and bar.high is not None:
        said += f", 95 % interval {bar.low:+.4g} to {bar.high:+.4g}"
    rect = Markup('<rect class="bar" x="{}" y="{}" width="{}" height="{}"><title>{}</title></rect>')
    parts = [
        Markup('<text class="y" x="{}" y="{}">{}</text>').format(left - 6, top + 13, bar.name),
        rect.format(begin, top + 3, round(max(end - begin, 0.5), 2), LINE - 6, said),
    ]
    if bar.low is not None and bar.high is not None:
        line = Markup('<line class="whisker" x1="{}" x2="{}" y1="{y}" y2="{y}"/>')
        parts.append(line.format(x(bar.low), x(bar.high), y=top + LINE / 2))
    return Markup("").join(parts)
