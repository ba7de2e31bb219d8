"""One line through points."""

import math
from collections.abc import Sequence

from markupsafe import Markup

from plotting.axis import Axis
from plotting.frame import FLOOR, LEFT, RIGHT, TOP, WIDTH, plot, x_axis, y_axis


def line_chart(
    points: Sequence[tuple[float, float]],
    aria_label: str,
    x_name: str,
    y_name: str,
    *,
    least: float = 0,
    most: float = math.inf,
) -> Markup:
    """One line through points sorted by x.

    Args:
        points: (x, y).
        aria_label: The sentence for who cannot see the plot.
        x_name: With its unit.
        y_name: Likewise.
        least: What `y` cannot be below.
        most: What `y` cannot be above.
    """
    x = Axis.over([at for at, _ in points], LEFT, WIDTH - RIGHT)
    y = Axis.over([value for _, value in points], FLOOR, TOP, least=least, most=most).to_ticks(least=least, most=most)
    path = " ".join(f"{x(at)},{y(value)}" for at, value in points)
    return plot(aria_label, x_axis(x, x_name), y_axis(y, y_name), Markup('<polyline points="{}"/>').format(path))
