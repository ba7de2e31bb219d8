"""The draw from each interval follows the hash alone: the first of a full sort, a context once before any twice."""

from functools import reduce
from operator import add

import numpy as np
import pytest
from random_codes import made

from models.features.activation_histogram import bin_edge
from models.features.firing_statistics import FiringStatistics
from models.features.interval_sample import IntervalSample
from models.numerics.hash_sampling import hash_draw


def listed(kept: IntervalSample) -> list[tuple]:
    places, rank = kept.ranked()
    return sorted(
        zip(places.group.tolist(), rank.tolist(), places.context.tolist(), places.position.tolist(), strict=True)
    )


def by_full_sort(some, intervals: int, n: int) -> list[tuple]:
    """Sorts each group's firings by hash, gives every context its turns, sorts by turn."""
    table, max_F, found = some.table(), FiringStatistics.of(some.fired()).max_F, []
    for feature in range(12):
        for interval in range(intervals):
            low, high = bin_edge(max_F[feature], interval, intervals), bin_edge(max_F[feature], interval + 1, intervals)
            mine = np.flatnonzero((table["feature"] == feature) & (low < table["act"]) & (table["act"] <= high))
            where = (np.uint64(feature) << np.uint64(32)) | table["position"][mine].astype(np.uint64)
            key = hash_draw(table["context"][mine], where, 0).tolist()
            rows = sorted(zip(key, table["context"][mine].tolist(), table["position"][mine].tolist(), strict=True))
            turns: dict[int, int] = {}
            ordered = []
            for bits, context, position in rows:
                turns[context] = turns.get(context, -1) + 1
                ordered.append((turns[context], bits, context, position))
            found += [
                (feature * intervals + interval, rank, context, position)
                for rank, (_, _, context, position) in enumerate(sorted(ordered)[:n])
            ]
    return found


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("contexts", "n"), [(60, 5), (3, 5), (3, 40)])
def test_the_draw_equals_a_full_sort_whatever_the_split(seed, contexts, n):
    some = made(seed, contexts=contexts)
    max_F, zero = FiringStatistics.of(some.fired()).max_F, IntervalSample.zero(12, 10, n)
    wanted = by_full_sort(some, 10, n)
    assert listed(zero + zero.among(some.fired(), max_F)) == wanted
    parts = [zero.among(some.fired(*run), max_F) for run in some.parts(seed, 3)]
    assert listed(reduce(add, parts)) == listed(parts[2] + (parts[1] + parts[0])) == wanted
    running = zero
    for run in some.parts(seed, 3):
        running += running.among(some.fired(*run), max_F)
    assert listed(running) == wanted


def test_a_context_comes_twice_only_where_contexts_are_too_few():
    some, n = made(5), 5
    kept = IntervalSample.zero(12, 10, n).among(some.fired(), FiringStatistics.of(some.fired()).max_F)
    table, max_F = some.table(), FiringStatistics.of(some.fired()).max_F
    places, _ = kept.ranked()
    for group in np.unique(places.group):
        feature, interval = divmod(int(group), 10)
        low, high = bin_edge(max_F[feature], interval, 10), bin_edge(max_F[feature], interval + 1, 10)
        there = (table["feature"] == feature) & (low < table["act"]) & (table["act"] <= high)
        wanted = min(n, len(np.unique(table["context"][there])))
        assert len(np.unique(places.context[places.group == group])) == wanted
        assert (places.group == group).sum() == min(n, there.sum())


def test_the_draw_is_fair():
    """Over 400 seeds each firing of a group is as likely as another: chi-square within four deviations of its mean."""
    some = made(9, contexts=12, length=6)
    max_F = FiringStatistics.of(some.fired()).max_F
    drawn: dict[tuple[int, int], int] = {}
    for seed in range(400):
        for group, rank, context, position in listed(IntervalSample.zero(12, 1, 1).among(some.fired(), max_F, seed)):
            if group == 0 and rank == 0:
                drawn[context, position] = drawn.get((context, position), 0) + 1
    table = some.table()
    n = int((table["feature"] == 0).sum())
    counts = np.array([*drawn.values(), *[0] * (n - len(drawn))])
    chi = ((counts - 400 / n) ** 2 / (400 / n)).sum()
    assert abs(chi - (n - 1)) < 4 * np.sqrt(2 * (n - 1)), f"chi-square {chi:.1f} at {n - 1} degrees of freedom"


def test_another_seed_draws_others():
    some = made(2)
    max_F, zero = FiringStatistics.of(some.fired()).max_F, IntervalSample.zero(12, 10, 2)
    assert listed(zero.among(some.fired(), max_F, 0)) != listed(zero.among(some.fired(), max_F, 1))
