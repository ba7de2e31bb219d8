"""Ratings of labels by interval of activation, and among controls, where the feature is silent."""

from dataclasses import dataclass
from statistics import fmean

import pyarrow as pa

RATINGS = (0, 1, 2, 3)


@dataclass(frozen=True, slots=True)
class IntervalRatings:
    """Ratings of the examples of one interval."""

    name: str
    mean: float
    counts: tuple[int, ...]
    """How often each of `RATINGS` was given."""


def ratings_by_interval(specificity: pa.Table) -> list[IntervalRatings]:
    """Controls first, then the intervals from weak to strong; those without a rating are left out.

    Args:
        specificity: Rows with `interval_index`, null for a control, and `rating`, null where it failed.
    """
    ratings: dict[int | None, list[int]] = {}
    columns = (specificity.column(name).to_pylist() for name in ("interval_index", "rating"))
    for interval, rating in zip(*columns, strict=True):
        if rating is not None:
            ratings.setdefault(interval, []).append(rating)
    order = sorted(ratings, key=lambda interval: -1 if interval is None else interval)
    return [_summarized("controls" if interval is None else str(interval), ratings[interval]) for interval in order]


def _summarized(name: str, ratings: list[int]) -> IntervalRatings:
    return IntervalRatings(name, fmean(ratings), tuple(ratings.count(r) for r in RATINGS))
