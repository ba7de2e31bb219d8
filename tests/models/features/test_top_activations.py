"""The strongest firings equal a full sort and SQL, ties included, and do not depend on the split."""

from functools import reduce
from operator import add

import duckdb
import numpy as np
import pytest
from random_codes import made

from models.features.top_activations import TopActivations


def listed(top: TopActivations) -> list[tuple]:
    places, rank = top.ranked()
    return sorted(
        zip(
            places.group.tolist(),
            rank.tolist(),
            places.context.tolist(),
            places.position.tolist(),
            places.act.tolist(),
            strict=True,
        )
    )


def by_full_sort(table: dict[str, np.ndarray], n_features: int, n: int) -> list[tuple]:
    found = []
    for feature in range(n_features):
        mine = [i for i in range(len(table["act"])) if table["feature"][i] == feature]
        mine.sort(key=lambda i: (-table["act"][i], table["context"][i], table["position"][i]))
        seen: set[int] = set()
        for i in mine:
            if table["context"][i] not in seen and len(seen) < n:
                found.append(
                    (feature, len(seen), int(table["context"][i]), int(table["position"][i]), float(table["act"][i]))
                )
                seen.add(int(table["context"][i]))
    return found


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("n", [1, 5, 100])
def test_top_equals_a_full_sort(seed, n):
    some = made(seed)
    zero = TopActivations.zero(12, n)
    assert listed(zero + zero.among(some.fired())) == by_full_sort(some.table(), 12, n)


@pytest.mark.parametrize("seed", range(12))
def test_top_adds_up_whatever_the_split_and_the_order(seed):
    some, zero = made(seed), TopActivations.zero(12, 5)
    wanted = by_full_sort(some.table(), 12, 5)
    parts = [zero.among(some.fired(*run)) for run in some.parts(seed)]
    assert listed(reduce(add, parts)) == listed(reduce(add, parts[::-1])) == wanted
    assert listed(parts[0] + reduce(add, parts[1:])) == wanted

    running = zero
    for run in some.parts(seed):
        running += running.among(some.fired(*run))
    assert listed(running) == wanted, "the running threshold stopped what belonged to the strongest"
    assert listed(running + running) == wanted


def test_top_agrees_with_sql():
    some = made(7, contexts=300)
    codes = some.table()
    with duckdb.connect() as con:
        con.register("codes", {name: np.ascontiguousarray(column) for name, column in codes.items()})
        rows = con.execute("""
            with firsts as (
                from codes qualify row_number() over (partition by feature, context order by act desc, position) = 1
            )
            select
                feature,
                row_number() over (partition by feature order by act desc, context, position) - 1 as rank,
                context,
                position,
                act
            from firsts qualify rank < 20 order by all
        """).fetchall()
    top = TopActivations.zero(12, 20)
    for run in some.parts(7, 9):
        top += top.among(some.fired(*run))
    assert listed(top) == rows


def test_what_a_full_threshold_stops_is_never_sorted():
    some, top = made(1, contexts=300), TopActivations.zero(12, 5)
    top += top.among(some.fired())
    again = top.among(some.fired())
    kept = {row[0]: row[4] for row in listed(top)}
    assert all(act >= kept[feature] for feature, _, _, _, act in listed(again))
