"""Rows of the warehouse as a page groups them: equal windows folded, and firings counted by interval."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

KINDS = ("top", "interval", "control")


def group_identical(
    examples: Iterable[Any], judged: Iterable[Any], explanation_id: str | None
) -> list[SimpleNamespace]:
    """Examples in the order of a page; equal windows of a group stand once, as the first, with `n_same`.

    Args:
        examples: Rows of `example`.
        judged: Rows of `specificity`.
        explanation_id: The label shown: `rating`, `reason` and `rating_status` come from
            there, and are None where an example was not judged.
    """
    ratings = {row.example_id: row for row in judged if row.explanation_id == explanation_id}
    first: dict[tuple[Any, ...], SimpleNamespace] = {}
    for row in sorted(examples, key=lambda row: (KINDS.index(row.kind), -(row.interval_index or 0), row.rank)):
        key = (row.kind, row.interval_index, tuple(row.tokens), row.peak)
        if key in first:
            first[key].n_same += 1
            continue
        rating = ratings.get(row.example_id)
        first[key] = SimpleNamespace(
            **vars(row),
            n_same=1,
            rating=rating and rating.rating,
            reason=rating and rating.reason,
            rating_status=rating and rating.status,
        )
    return list(first.values())


@dataclass(frozen=True, slots=True)
class RatingCounts:
    """The ratings of one label in one interval, None for the controls: how many of each, failures apart."""

    interval_index: int | None
    n: int
    n_failed: int
    n_0: int
    n_1: int
    n_2: int
    n_3: int
    mean_rating: float | None
    fraction_rated_3: float | None


def ratings_by_interval(judged: Iterable[Any], explanation_id: str) -> list[RatingCounts]:
    """What a label was rated by interval, controls first, then from the weakest activations to the strongest."""
    groups: dict[int | None, list[Any]] = {}
    for row in judged:
        if row.explanation_id == explanation_id:
            groups.setdefault(row.interval_index, []).append(row.rating)
    return [_rating_counts(at, groups[at]) for at in sorted(groups, key=lambda at: -1 if at is None else at)]


def _rating_counts(interval: int | None, ratings: list[int | None]) -> RatingCounts:
    successful = [rating for rating in ratings if rating is not None]
    n = len(successful)
    return RatingCounts(
        interval,
        n,
        len(ratings) - n,
        *(successful.count(rating) for rating in range(4)),
        mean_rating=sum(successful) / n if n else None,
        fraction_rated_3=successful.count(3) / n if n else None,
    )


@dataclass(frozen=True, slots=True)
class IntervalShare:
    """An interval of a feature's activation: its edges, and the firings in it, counted and as a share of all."""

    interval_index: int
    lower: float
    upper: float
    n: int
    share: float


def firing_share_by_interval(bars: Sequence[Any]) -> dict[int, IntervalShare]:
    """The share of a feature's firings in each interval.

    Args:
        bars: Bins of its histogram with `lower`, `upper`, `n` and `interval_index`.
    """
    total = sum(bar.n for bar in bars)
    groups: dict[int, list[Any]] = {}
    for bar in bars:
        groups.setdefault(bar.interval_index, []).append(bar)
    return {
        index: IntervalShare(
            index,
            min(bar.lower for bar in group),
            max(bar.upper for bar in group),
            n := sum(bar.n for bar in group),
            n / total if total else 0.0,
        )
        for index, group in groups.items()
    }
