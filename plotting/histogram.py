"""Counts over slices of a range."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape

from plotting.axis import Axis
from plotting.frame import FLOOR, LEFT, RIGHT, TOP, WIDTH, plot, x_axis, y_axis

BELOW_ONE = 0.5
"""Where a logarithmic axis of counts begins: a slice of one is seen."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A slice of a histogram: its edges, how many it holds, and a class of the style sheet."""

    lower: float
    upper: float
    n: int
    style: str = ""


def bars(rows: Sequence[Any], styles: Sequence[str] = ()) -> list[Bar]:
    """Rows with `lower`, `upper` and `n` as slices; each has the style of its place, where there is one."""
    return [
        Bar(row.lower, row.upper, row.n, style) for row, style in zip(rows, styles or [""] * len(rows), strict=True)
    ]


def histogram(
    bars: Sequence[Bar],
    aria_label: str,
    x_name: str,
    y_name: str,
    *,
    log: bool = False,
    log_counts: bool = False,
    mark: float | None = None,
) -> Markup:
    """Counts over slices.

    Args:
        bars: The slices, in any order.
        aria_label: The sentence for who cannot see the plot.
        x_name: What is sliced, with its unit.
        y_name: What is counted.
        log: Whether the slices are of equal width on a logarithmic scale.
        log_counts: Whether heights are logarithms, so that a slice of one is seen beside a slice of a million; the
            axis then says so.
        mark: A value to point at.
    """
    x = Axis.over([edge for bar in bars for edge in (bar.lower, bar.upper)], LEFT, WIDTH - RIGHT, log=log)
    tallest = max((bar.n for bar in bars), default=0) or 1
    y = Axis(BELOW_ONE if log_counts else 0, tallest, FLOOR, TOP, log_counts).to_ticks(least=0)
    body, places = [], {edge: x(edge) for bar in bars for edge in (bar.lower, bar.upper)}
    for bar in bars:
        top, left = y(bar.n), places[bar.lower]
        width = max(1, round(places[bar.upper] - left - 1, 2))
        body.append(  # an f-string, for a page has two hundred bars: all but the style are numbers
            Markup(
                f'<rect class="bar {escape(bar.style)}" x="{left}" y="{top}" width="{width}" '
                f'height="{round(FLOOR - top, 2)}"><title>{bar.lower:.4g} to {bar.upper:.4g}: {bar.n:,}</title></rect>'
            )
        )
    if mark is not None and (mark > 0 or not log):
        at = x(min(max(mark, x.low), x.high))
        body.append(
            Markup('<line class="mark" x1="{0}" x2="{0}" y1="{1}" y2="{2}"><title>{3:.4g}</title></line>').format(
                at, TOP, FLOOR, mark
            )
        )
    counted = f"{y_name}, logarithmic" if log_counts else y_name
    return plot(aria_label, x_axis(x, f"{x_name}, logarithmic" if log else x_name), y_axis(y, counted), *body)
