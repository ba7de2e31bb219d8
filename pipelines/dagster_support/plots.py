"""Small plots for the Dagster UI: SVG, inline in Markdown."""

import base64
import math
from collections.abc import Mapping, Sequence

import dagster as dg
from markupsafe import Markup

from plotting.frame import standalone
from plotting.histogram import Bar, histogram
from plotting.line_chart import line_chart
from plotting.scatter import Point, scatter
from plotting.stacked_bars import Stack, stacked_bars

BINS_PER_DECADE = 8


def _markdown(*pictures: tuple[str, Markup]) -> dg.MarkdownMetadataValue:
    """Pictures below each other, each with its title."""
    parts = []
    for title, drawn in pictures:
        encoded = base64.b64encode(standalone(drawn).encode()).decode()
        parts.append(f"**{title}**\n\n![{title}](data:image/svg+xml;base64,{encoded})")
    return dg.MetadataValue.md("\n\n".join(parts))


def density_histogram(densities: Sequence[float]) -> dg.MarkdownMetadataValue:
    """How many features fire how often; dead features are left out."""
    alive = [density for density in densities if density > 0]
    title = f"{len(alive):,} live features"
    return _markdown((title, histogram(_log_bars(alive), title, "density [fraction of tokens]", "features", log=True)))


def _log_bars(values: Sequence[float]) -> list[Bar]:
    """Slices of equal width on a logarithmic scale."""
    places = [math.floor(math.log10(value) * BINS_PER_DECADE) for value in values]
    first, last = min(places, default=0), max(places, default=0)
    counts = dict.fromkeys(range(first, last + 1), 0)
    for place in places:
        counts[place] += 1
    return [
        Bar(10 ** (place / BINS_PER_DECADE), 10 ** ((place + 1) / BINS_PER_DECADE), n) for place, n in counts.items()
    ]


def training_curves(steps: Sequence[int], curves: Mapping[str, Sequence[float]]) -> dg.MarkdownMetadataValue:
    """Training curves over the same steps, one below the other."""
    return _markdown(
        *(
            (name, line_chart(list(zip(steps, values, strict=True)), name, "step", name))
            for name, values in curves.items()
        )
    )


def rating_shares(stacks: Sequence[Stack], title: str, x_name: str) -> dg.MarkdownMetadataValue:
    """For each group, shares of ratings that add up to one, the best at the bottom."""
    return _markdown((title, stacked_bars(stacks, title, x_name)))


def pareto(points: Sequence[tuple[str, float, float, float | None]]) -> dg.MarkdownMetadataValue:
    """Dictionaries as (name, L0, FVU, CE recovered or None): FVU against L0 and, below it, CE recovered."""
    recovered = [(name, l0, ce) for name, l0, _, ce in points if ce is not None]
    explained = f"{len(points)} dictionaries: FVU, down and left is better"
    pictures = [(explained, _named([(name, l0, fvu) for name, l0, fvu, _ in points], explained, "FVU"))]
    if recovered:
        title = "CE recovered, up and left is better"
        pictures.append((title, _named(recovered, title, "CE recovered", least=-math.inf, most=1)))
    return _markdown(*pictures)


def _named(
    points: Sequence[tuple[str, float, float]], title: str, y_name: str, *, least: float = 0, most: float = math.inf
) -> Markup:
    dots = [Point(l0, value, f"{name}: L0 {l0:.4g}, {y_name} {value:.4g}", label=name) for name, l0, value in points]
    return scatter(dots, title, "L0 [features a token]", y_name, least=least, most=most)
