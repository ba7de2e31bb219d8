"""What every plot has around its marks: the picture, two axes with their titles, lines at their ticks."""

from markupsafe import Markup

from plotting.axis import Axis, short

WIDTH, HEIGHT = 640, 220
LEFT, RIGHT, TOP, BOTTOM = 60, 28, 34, 40
"""Margins: numbers and titles stand to the left and below."""
MIDDLE, FLOOR = (LEFT + WIDTH - RIGHT) / 2, HEIGHT - BOTTOM
STYLE = """
text { fill: #555; font: 12px system-ui, sans-serif; text-anchor: middle; }
.y { text-anchor: end; } .y-name { text-anchor: start; }
.tick { stroke: #ddd; } .bar, .dot.front { fill: #0072b2; }
.bar.r0 { fill: #deebf7; } .bar.r1 { fill: #9ecae1; } .bar.r2 { fill: #4292c6; } .bar.r3 { fill: #084594; }
.whisker { stroke: #d55e00; stroke-width: 2; }
.mark { stroke: #d55e00; stroke-width: 3; } .dot { fill: #fff; stroke: #0072b2; stroke-width: 2; }
polyline { fill: none; stroke: #0072b2; stroke-width: 2; } .band { fill: #0072b2; opacity: .15; }
.s1 { stroke: #d55e00; stroke-dasharray: 6 3; } .s2 { stroke: #009e73; stroke-dasharray: 2 3; }
.s3 { stroke: #777; stroke-dasharray: 10 3 2 3; } .leader { stroke: #bbb; } .label { text-anchor: start; }
"""
"""Of a plot that stands alone. Colours are of Okabe and Ito's palette and of one hue from light to dark: they differ to
people who are colour-blind."""


def x_axis(axis: Axis, name: str) -> Markup:
    """Numbers and the title below, and a line where they stand."""
    return _axis(
        [
            Markup('<line class="tick" x1="{0}" x2="{0}" y1="{1}" y2="{2}"/><text class="x" x="{0}" y="{3}">{4}</text>')
            .format(axis(tick), FLOOR, FLOOR + 4, FLOOR + 17, short(tick))
            for tick in axis.ticks()
        ],
        Markup('<text class="name" x="{}" y="{}">{}</text>').format(MIDDLE, HEIGHT - 6, name),
    )  # fmt: skip


def y_axis(axis: Axis, name: str) -> Markup:
    """Numbers to the left, the title above them, and a line across the plot where they stand."""
    return _axis(
        [
            Markup('<line class="tick" x1="{}" x2="{}" y1="{y}" y2="{y}"/><text class="y" x="{}" y="{}">{}</text>')
            .format(LEFT, WIDTH - RIGHT, LEFT - 6, round(axis(tick) + 4, 2), short(tick), y=axis(tick))
            for tick in axis.ticks(4)
        ],
        Markup('<text class="y-name" x="4" y="12">{}</text>').format(name),
    )  # fmt: skip


def _axis(ticks: list[Markup], title: Markup) -> Markup:
    return Markup("").join([*ticks, title])


def plot(aria_label: str, *parts: Markup, role: str = "img") -> Markup:
    """The picture, with a sentence for who cannot see it."""
    return Markup('<svg class="plot" role="{}" aria-label="{}" viewBox="0 0 {} {}">{}</svg>').format(
        role, aria_label, WIDTH, HEIGHT, Markup("").join(parts)
    )


def standalone(drawn: Markup) -> str:
    """The same plot as a file of its own, with its style."""
    begin = f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" '
    head, _, body = str(drawn).partition(">")
    return f"{begin}{head.removeprefix('<svg ')}><style>{STYLE}</style>{body}"
