"""Shares of ratings, a column for each of some groups."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from plotting.axis import Axis
from plotting.frame import FLOOR, HEIGHT, LEFT, MIDDLE, RIGHT, TOP, WIDTH, plot, y_axis


@dataclass(frozen=True, slots=True)
class Stack:
    """A column of ratings: its name, and how often each rating from 0 on was given."""

    name: str
    counts: Sequence[int]


def stacked_bars(stacks: Sequence[Stack], aria_label: str, x_name: str) -> Markup:
    """Columns of equal height, cut into the share of each rating: the best at the bottom, in the class of its number.

    Args:
        stacks: The columns, from left to right; one without ratings is left empty.
        aria_label: The sentence for who cannot see the plot.
        x_name: What the columns are.
    """
    y = Axis(0.0, 1.0, FLOOR, TOP)
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
        body.append(Markup('<text class="x" x="{}" y="{}">{}</text>').format(middle, FLOOR + 17, stack.name))
    named = Markup('<text class="name" x="{}" y="{}">{}</text>').format(MIDDLE, HEIGHT - 6, x_name)
    return plot(aria_label, y_axis(y, "share"), named, *body)
