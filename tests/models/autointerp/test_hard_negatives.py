"""Hard negatives are what a loop over every window and every firing allows, and as many as there can be."""

import random
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from example_rows import example

from models.autointerp import hard_negatives as module
from models.autointerp.example_set import ExampleSet
from models.autointerp.hard_negatives import hard_negatives
from models.features.firings import Firings as Fired
from storage.table_schemas.example import SCHEMA as EXAMPLE

F, CONTEXTS, WIDTH = 14, 60, 40
NEAR = {0: [1, 2, 3], 1: [0, 5], 2: [3, 4, 5, 6], 3: [2], 4: [13], 5: [1, 2, 9], 6: [0, 1, 2, 3, 4, 5], 8: [7, 6]}
ALIKE = {0: [9, 10], 7: [8, 2, 0], 9: [1, 3]}
"""Feature 0 has coactive neighbors, so its likeness does not count."""

Firings = set[tuple[int, int, int]]


def world(seed: int) -> tuple[ExampleSet, Firings]:
    """Examples with windows cut anywhere in a context, several of one context, and what fires where."""
    draw, rows = random.Random(seed), []
    firings = {
        (feature, context, draw.randrange(WIDTH))
        for feature in range(F)
        for context in range(CONTEXTS)
        for _ in range(draw.choice([0, 0, 1, 3]))
    }
    for feature in range(F):
        for kind in ("top", "interval", "control"):
            for rank in range(15):
                length = draw.randint(5, 12)
                begin = draw.randrange(WIDTH - length)
                peak = draw.randrange(length)
                row = example(feature, kind, rank, [" x"] * length, 1.0, rank // 5 if kind == "interval" else None)
                place = {"context_id": draw.randrange(CONTEXTS), "position": begin + peak, "peak": peak}
                rows.append(row | place)
    return ExampleSet.of(pa.Table.from_pylist(rows, schema=EXAMPLE)), firings


def codes(firings: Firings, edges: tuple[int, ...] = (0, 7, 30, 31, CONTEXTS)) -> list[Fired]:
    blocks = []
    for first, end in pairwise(edges):
        mine = np.array(sorted(place for place in firings if first <= place[1] < end), np.int64).reshape(-1, 3)
        acts = np.ones(len(mine), np.float32)
        columns = mine[:, 0].astype(np.int32), mine[:, 1], mine[:, 2].astype(np.int32), acts
        blocks.append(Fired(*columns, F, (end - first) * WIDTH, first, end - 1))
    return blocks


def neighbors() -> pa.Table:
    kinds = (("cofiring_jaccard", NEAR), ("decoder_cosine", ALIKE))
    rows = [
        {"feature_id": feature, "kind": kind, "rank": rank, "other_feature_id": other, "value": 0.5}
        for kind, near in kinds
        for feature, others in near.items()
        for rank, other in enumerate(others)
    ]
    random.Random(0).shuffle(rows)
    return pa.Table.from_pylist(rows)


def allowed(gallery: ExampleSet, firings: Firings, feature: int, for_scoring: bool) -> set[int]:
    """The rows that may be taken, by looking at each row, each token and each firing."""
    near = NEAR.get(feature) or ALIKE.get(feature) or []
    found = set()
    for number, row in enumerate(gallery.table.to_pylist()):
        begin = row["position"] - row["peak"]
        places = {(feature, row["context_id"], begin + i) for i in range(len(row["tokens"]))}
        wanted = row["kind"] in ("top", "interval") and gallery.scores_R[number] == for_scoring
        if wanted and row["feature_id"] in near and not places & firings:
            found.add(number)
    return found


@pytest.mark.parametrize("for_scoring", [True, False])
@pytest.mark.parametrize("n", [2, 100])
def test_hard_negatives_are_what_a_double_loop_finds(for_scoring: bool, n: int):
    gallery, firings = world(0)
    contexts = gallery.column("context_id")
    found = hard_negatives(gallery, neighbors(), iter(codes(firings)), n, for_scoring=for_scoring)
    counted = 0
    for feature in range(F):
        rows = found.get(feature, np.empty(0, np.int64)).tolist()
        may = allowed(gallery, firings, feature, for_scoring)
        assert set(rows) <= may, f"feature {feature}"
        assert len(set(contexts[rows].tolist())) == len(rows), "a context twice"
        assert len(rows) == min(n, len(set(contexts[list(may)].tolist()))), f"feature {feature}"
        counted += len(rows)
    assert counted > 15
    assert set(found) <= set(NEAR) | set(ALIKE)
    assert all(len(rows) for rows in found.values())


def test_some_windows_are_loud_in_this_world():
    gallery, firings = world(0)
    quiet = allowed(gallery, firings, 0, True)
    assert 0 < len(quiet) < len(allowed(gallery, set(), 0, True))


def test_the_near_features_take_turns_the_nearest_first():
    gallery, _ = world(1)
    found = hard_negatives(gallery, neighbors(), codes(set()), 3, for_scoring=True)
    assert gallery.feature_R[found[0]].tolist() == NEAR[0]
    assert gallery.feature_R[found[7]].tolist() == ALIKE[7]
    assert gallery.feature_R[found[3]].tolist() == [2, 2, 2]


def test_what_is_looked_at_is_bounded_and_blocks_of_features_change_nothing(monkeypatch: pytest.MonkeyPatch):
    gallery, firings = world(2)

    def found() -> dict[int, list[int]]:
        rows = hard_negatives(gallery, neighbors(), codes(firings), 100, for_scoring=True)
        return {feature: some.tolist() for feature, some in rows.items()}

    whole = found()
    monkeypatch.setattr(module, "TOGETHER", 1)
    assert found() == whole
    monkeypatch.setattr(module, "CANDIDATES", 4)
    assert all(rows == whole[feature][: len(rows)] and len(rows) <= 4 for feature, rows in found().items())


def test_silence_that_no_code_shows_is_not_taken_for_granted():
    gallery, firings = world(0)
    assert hard_negatives(gallery, neighbors(), None, 10, for_scoring=True) == {}
    assert hard_negatives(gallery, neighbors(), [], 10, for_scoring=True) == {}
    assert hard_negatives(gallery, neighbors().slice(0, 0), codes(firings), 10, for_scoring=True) == {}
    first_half = codes(firings, (0, 30))
    found = hard_negatives(gallery, neighbors(), first_half, 100, for_scoring=True)
    rows = np.concatenate(list(found.values()))
    assert len(rows)
    assert gallery.column("context_id")[rows].max() < 30


def test_a_firing_at_either_end_of_the_window_counts_and_one_beside_it_does_not():
    rows = [example(1, "interval", i, [" x"] * 5, 1.0, 0) | {"context_id": i} for i in range(40)]
    rows.append(example(0, "interval", 0, [" x"] * 5, 1.0, 0) | {"context_id": 50})
    for row in rows:
        row |= {"position": 7, "peak": 2}  # tokens 5 to 9
    gallery = ExampleSet.of(pa.Table.from_pylist(rows, schema=EXAMPLE))
    beside = {(0, context, position) for context in range(40) for position in (4, 10)}
    near = pa.Table.from_pylist(
        [{"feature_id": 0, "kind": "cofiring_jaccard", "rank": 0, "other_feature_id": 1, "value": 0.5}]
    )
    quiet = hard_negatives(gallery, near, codes(beside), 100, for_scoring=True)[0]
    assert len(quiet) == gallery.scores_R[gallery.feature_R == 1].sum() > 10
    for position in (5, 9):
        loud = {(0, context, position) for context in range(40)}
        assert hard_negatives(gallery, near, codes(beside | loud), 100, for_scoring=True) == {}
