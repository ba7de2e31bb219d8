"""Small plots for the Dagster UI: PNG below 100 kB, inline in Markdown."""

import base64
import io
from collections.abc import Mapping, Sequence

import dagster as dg

MAX_BYTES = 100_000
_INK, _LINE, _SECOND, _LIGHT = "#222222", "#0072b2", "#d55e00", "#bbbbbb"


def _figure(draw, title: str, x: str, y: str) -> dg.MarkdownMetadataValue:
    def paint(figure) -> None:
        axes = figure.add_subplot()
        draw(axes)
        _plain(axes, x, y)

    return _picture(paint, title)


def _plain(axes, x: str, y: str) -> None:
    axes.set_xlabel(x, fontsize=9)
    axes.set_ylabel(y, fontsize=9)
    axes.tick_params(labelsize=8, which="both")
    axes.spines[["top", "right"]].set_visible(False)


def _picture(paint, title: str, height: float = 3.2) -> dg.MarkdownMetadataValue:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, height), dpi=100, layout="constrained")
    paint(figure)
    figure.suptitle(title, fontsize=10, color=_INK)
    out = io.BytesIO()
    FigureCanvasAgg(figure).print_png(out)
    assert out.tell() < MAX_BYTES, f"plot of {out.tell()} bytes"
    return dg.MetadataValue.md(f"![{title}](data:image/png;base64,{base64.b64encode(out.getvalue()).decode()})")


def log_density(densities: Sequence[float]) -> dg.MarkdownMetadataValue:
    """How many features fire how often: a histogram of log10 density, dead features left out."""
    import numpy as np

    alive = np.log10([density for density in densities if density > 0])
    return _figure(
        lambda axes: axes.hist(alive, bins=60, color=_LINE),
        f"{len(alive):,} live features",
        "log10 density",
        "features",
    )


def training_curves(
    steps: Sequence[int], first: tuple[str, Sequence[float]], second: tuple[str, Sequence[float]]
) -> dg.MarkdownMetadataValue:
    """Two training curves over the same steps, the second on its own axis."""

    def draw(axes) -> None:
        axes.plot(steps, first[1], color=_LINE)
        axes.set_yscale("log")
        other = axes.twinx()
        other.plot(steps, second[1], color=_SECOND)
        other.set_ylabel(second[0], fontsize=9, color=_SECOND)
        other.tick_params(labelsize=8)
        other.spines[["top"]].set_visible(False)

    return _figure(draw, f"{first[0]} (left) and {second[0]} (right)", "step", first[0])


def stacked_bars(
    names: Sequence[str], shares: Mapping[str, Sequence[float]], title: str, x: str, y: str
) -> dg.MarkdownMetadataValue:
    """For each name, shares that add up to one, from the darkest at the bottom up."""
    colours = ["#08306b", "#2879b9", "#94c4df", "#dddddd"]

    def draw(axes) -> None:
        floor = [0.0] * len(names)
        for (label, values), colour in zip(shares.items(), colours, strict=False):
            axes.bar(list(names), values, bottom=floor, label=label, color=colour)
            floor = [a + b for a, b in zip(floor, values, strict=True)]
        axes.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1.0, 1.0))

    return _figure(draw, title, x, y)


def pareto(points: Sequence[tuple[str, float, float, float | None]]) -> dg.MarkdownMetadataValue:
    """Dictionaries as (name, L0, FVU, CE recovered or None): FVU against L0 and, below it, CE recovered."""
    recovered = [(name, l0, ce) for name, l0, _, ce in points if ce is not None]
    named = f"{len(points)} dictionaries, down and left is better" + (", below up and left" if recovered else "")

    def paint(figure) -> None:
        upper, *lower = figure.subplots(2 if recovered else 1, sharex=True, squeeze=False)[:, 0]
        _labelled_points(upper, [(name, l0, fvu) for name, l0, fvu, _ in points], _LINE)
        _plain(upper, "" if lower else _L0, "FVU")
        for axes in lower:
            _labelled_points(axes, recovered, _SECOND)
            _plain(axes, _L0, "CE recovered")

    return _picture(paint, named, 6.4 if recovered else 3.6)


_L0 = "L0, features a token"


def _labelled_points(axes, points: Sequence[tuple[str, float, float]], colour: str) -> None:
    """Points with their names to the right, moved apart where they would lie on each other."""
    axes.scatter([x for _, x, _ in points], [y for _, _, y in points], color=colour, s=18)
    axes.margins(x=0.3, y=0.12)
    low, high = axes.get_ylim()
    apart, lowest = (high - low) / 16, low - 1
    for name, x, y in sorted(points, key=lambda point: point[2]):
        lowest = max(y, lowest + apart)
        place = (axes.get_xlim()[1], lowest)
        line = {"arrowstyle": "-", "color": _LIGHT, "linewidth": 0.5}
        axes.annotate(name, (x, y), place, fontsize=7, color=_INK, va="center", arrowprops=line)
