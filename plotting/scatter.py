"""Dots with names."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from plotting.axis import Axis
from plotting.frame import FLOOR, LEFT, RIGHT, TOP, WIDTH, plot, x_axis, y_axis

NAMES = 150
"""Pixels to the right for names."""
LINE = 13
"""Pixels between two names."""


@dataclass(frozen=True, slots=True)
class Point:
    """A dot that may lead somewhere. `name` is said on hover."""

    x: float
    y: float
    name: str
    href: str = ""
    style: str = ""
    label: str = ""
    """What is written beside it."""


def scatter(
    points: Sequence[Point], aria_label: str, x_name: str, y_name: str, *, least: float = 0, most: float = float("inf")
) -> Markup:
    """Dots over a logarithmic x axis.

    Args:
        points: The dots.
        aria_label: The sentence for who cannot see the plot.
        x_name: With its unit.
        y_name: Likewise.
        least: What `y` cannot be below.
        most: What `y` cannot be above.
    """
    right = WIDTH - RIGHT - (NAMES if any(point.label for point in points) else 0)
    x = Axis.over([point.x for point in points], LEFT + 10, right - 10, log=True).to_ticks()
    y = Axis.over([point.y for point in points], FLOOR - 8, TOP + 8, least=least, most=most)
    y = y.to_ticks(least=least, most=most)
    body = [*_labels(points, x, y, right)]
    for point in points:
        dot = Markup('<circle class="dot {}" cx="{}" cy="{}" r="5"><title>{}</title></circle>').format(
            point.style, x(point.x), y(point.y), point.name
        )
        body.append(
            Markup('<a href="{}" aria-label="{}">{}</a>').format(point.href, point.name, dot) if point.href else dot
        )
    # An image has no parts to a screen reader: where dots are links, the plot is a group of them.
    role = "group" if any(point.href for point in points) else "img"
    return plot(aria_label, x_axis(x, f"{x_name}, logarithmic"), y_axis(y, y_name), *body, role=role)


def _labels(points: Sequence[Point], x: Axis, y: Axis, left: float) -> list[Markup]:
    """Names to the right, each with a line to its dot, moved apart where they would lie on each other."""
    parts, lowest = [], float(TOP)
    for point in sorted((point for point in points if point.label), key=lambda point: -point.y):
        lowest = max(y(point.y), lowest + LINE)
        line = Markup('<line class="leader" x1="{}" y1="{}" x2="{}" y2="{}"/>')
        parts.append(line.format(x(point.x), y(point.y), left, lowest))
        parts.append(Markup('<text class="label" x="{}" y="{}">{}</text>').format(left + 4, lowest + 4, point.label))
    return parts
