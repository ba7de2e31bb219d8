"""Windows hold the text and the activations that a loop over the contexts finds."""

import hashlib
from itertools import pairwise

from random_codes import SPECIAL, Made, made

from models.features.example_windows import ExampleWindows, SelectedExamples, example_id
from models.features.firing_statistics import FiringStatistics
from models.features.interval_sample import IntervalSample
from models.features.top_activations import TopActivations
from models.language_model.token_strings import TokenStrings

WIDTH = 8
PIECES = TokenStrings([f"<{i}>" for i in range(50)], [f"<{i}>" for i in range(50)])


def kept(some: Made) -> dict:
    max_F = FiringStatistics.of(some.fired()).max_F
    return {
        "top": TopActivations.zero(12, 4).among(some.fired()),
        "interval": IntervalSample.zero(12, 10, 2).among(some.fired(), max_F),
    }


def shown(some: Made, cuts: list[int]) -> list[dict]:
    windows = ExampleWindows.around(SelectedExamples.of(kept(some), 10), PIECES, WIDTH)
    for run in pairwise(cuts):
        windows.fill(some.fired(*run), some.rows(*run))
    return windows.rows("m", "r").to_pylist()


def test_windows_equal_a_loop_whatever_the_parts():
    some = made()
    table, rows = some.table(), shown(some, [0, 7, 8, 41, 60])
    places = zip(table["feature"], table["context"], table["position"], strict=True)
    acts = {tuple(map(int, place)): act for place, act in zip(places, table["act"], strict=True)}
    assert rows == shown(some, [0, 60])
    assert {row["kind"] for row in rows} == {"top", "interval"}
    for row in rows:
        context = some.contexts[row["context_id"]]
        text = [p for p, t in enumerate(context.token_ids.tolist()) if t != SPECIAL]
        at = text.index(row["position"])
        window = text[max(0, at - WIDTH // 2) : at + WIDTH // 2]
        assert row["tokens"] == [f"<{context.token_ids[p]}>" for p in window]
        assert row["activations"] == [acts.get((row["feature_id"], row["context_id"], p), 0.0) for p in window]
        assert window[row["peak"]] == row["position"]
        assert row["activations"][row["peak"]] == row["activation"] > 0
        assert row["document_id"] == context.document_id
        assert (row["interval_index"] is None) == (row["kind"] == "top")
        names = ("feature_id", "kind", "interval_index", "context_id", "position")
        assert row["example_id"] == example_id("m", "r", *(row[name] for name in names))


def test_examples_come_by_rank_and_their_ids_are_unique():
    rows = shown(made(1), [0, 60])
    assert len({row["example_id"] for row in rows}) == len(rows)
    ranks: dict[tuple, list[int]] = {}
    for row in rows:
        ranks.setdefault((row["feature_id"], row["kind"], row["interval_index"]), []).append(row["rank"])
    assert all(found == list(range(len(found))) for found in ranks.values())


def test_an_example_keeps_its_name():
    wanted = hashlib.sha256(b"m\0r\0007\0interval\0003\00012\0005").hexdigest()[:16]
    assert example_id("m", "r", 7, "interval", 3, 12, 5) == wanted
    assert example_id("m", "r", 7, "top", None, 12, 5) != wanted
