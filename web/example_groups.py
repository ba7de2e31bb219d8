"""Rows of the warehouse as a page groups them: equal windows folded, and firings counted by interval."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

KINDS = ("top", "interval", "control")


def folded(examples: Iterable[Any], judged: Iterable[Any], explanation_id: str | None) -> list[SimpleNamespace]:
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


def strips(judged: Iterable[Any], explanation_id: str) -> list[RatingCounts]:
    """What a label was rated by interval, controls first, then from the weakest activations to the strongest."""
    groups: dict[int | None, list[Any]] = {}
    for row in judged:
        if row.explanation_id == explanation_id:
            groups.setdefault(row.interval_index, []).append(row.rating)
    return [_strip(at, groups[at]) for at in sorted(groups, key=lambda at: -1 if at is None else at)]


def _strip(interval: int | None, ratings: list[int | None]) -> RatingCounts:
    given = [rating for rating in ratings if rating is not None]
    n = len(given)
    return RatingCounts(
        interval,
        n,
        len(ratings) - n,
        *(given.count(rating) for rating in range(4)),
        mean_rating=sum(given) / n if n else None,
        fraction_rated_3=given.count(3) / n if n else None,
    )


@dataclass(frozen=True, slots=True)
class IntervalShare:
    """An interval of a feature's activation: its edges, and the firings in it, counted and as a share of all."""

    interval: int
    lower: float
    upper: float
    n: int
    share: float


def interval_of(bar: Any, strongest: float, n_intervals: int) -> int:
    """The interval of a bin's midpoint: exact where bins are a multiple of the intervals, as they are by default."""
    return min(int((bar.lower + bar.upper) / 2 / strongest * n_intervals), n_intervals - 1)


def shares(bars: Sequence[Any], n_intervals: int) -> dict[int, IntervalShare]:
    """The share of a feature's firings in each interval: equal slices of (0, strongest activation].

    Args:
        bars: Bins of its histogram with `lower`, `upper` and `n`; those of no width are left out.
        n_intervals: How many the dictionary's examples are drawn from.
    """
    live = [bar for bar in bars if bar.upper > 0]
    strongest, total = max((bar.upper for bar in live), default=0.0), sum(bar.n for bar in live)
    groups: dict[int, list[Any]] = {}
    for bar in live:
        groups.setdefault(interval_of(bar, strongest, n_intervals), []).append(bar)
    return {
        at: IntervalShare(
            at,
            min(bar.lower for bar in some),
            max(bar.upper for bar in some),
            n := sum(bar.n for bar in some),
            n / total if total else 0.0,
        )
        for at, some in groups.items()
    }
