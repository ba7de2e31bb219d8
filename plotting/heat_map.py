"""Values of two things crossed, as shaded squares: the scores of heads, or where a head looks."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

SIDE, SMALL_SIDE, MANY = 18, 14, 16
"""Pixels of a square; of a small one, where there are more columns than so many."""
LETTER = 6.6
"""Pixels of a letter, on average."""
MARGIN = 22
"""Pixels for a title."""


@dataclass(frozen=True, slots=True)
class Square:
    """A value from 0 to 1 at the crossing of a column and a row, counted from 0. `name` is said on hover."""

    column: int
    row: int
    value: float
    name: str


def heat_map(
    squares: Sequence[Square], columns: Sequence[str], rows: Sequence[str], aria_label: str, x_name: str, y_name: str
) -> Markup:
    """Squares that are the darker the higher their value; values below 0 are left white.

    Args:
        squares: In any order; where there is none, nothing is drawn.
        columns: Names from left to right, written upwards where one is longer than two letters.
        rows: Names from top to bottom.
        aria_label: The sentence for who cannot see the plot.
        x_name: What the columns are.
        y_name: What the rows are.
    """
    side, upright = SMALL_SIDE if len(columns) > MANY else SIDE, any(len(name) > 2 for name in columns)
    left = round(LETTER * max(map(len, rows), default=0)) + 10
    top = MARGIN + (round(LETTER * max(map(len, columns), default=0)) + 6 if upright else 16)
    width, height = left + side * len(columns) + 4, top + side * len(rows) + 4
    parts = [Markup('<text class="y-name" x="0" y="12">{} ↓, {} →</text>').format(y_name, x_name)]
    parts += [
        Markup('<text class="y" x="{}" y="{}">{}</text>').format(left - 4, top + side * row + side // 2 + 4, name)
        for row, name in enumerate(rows)
    ]
    for column, name in enumerate(columns):
        x, y = left + side * column + side // 2, top - 5
        turned = Markup('<text class="y-name" transform="translate({} {}) rotate(-90)">{}</text>')
        level = Markup('<text class="x" x="{}" y="{}">{}</text>')
        parts.append(turned.format(x + 4, y, name) if upright else level.format(x, y, name))
    for square in squares:
        x, y = left + side * square.column, top + side * square.row
        shade = round(min(1.0, max(0.0, square.value)), 3)
        rect = Markup(
            '<rect class="bar" x="{}" y="{}" width="{w}" height="{w}" fill-opacity="{}"><title>{}</title></rect>'
        )
        parts.append(rect.format(x, y, shade, square.name, w=side - 1))
    wide = max(width, round(LETTER * (len(x_name) + len(y_name) + 6)))
    picture = Markup(
        '<svg class="plot heat" role="img" aria-label="{}" width="{w}" height="{h}" viewBox="0 0 {w} {h}">{}</svg>'
    )
    return picture.format(aria_label, Markup("").join(parts), w=wide, h=height)
