"""Rows of judgements say what was shown and said, and scores can be worked out from them again."""

import random
from collections import defaultdict

import pyarrow as pa
import pytest
from example_rows import all_for_scoring, example, with_explained

from models.autointerp.example_set import ExampleSet
from models.autointerp.judgement_rows import judgement_rows, named_judgements
from models.autointerp.score_rows import score_rows
from models.autointerp.scorers.detection import detection_trials
from models.autointerp.scorers.fuzzing import fuzzing_trials
from models.autointerp.scorers.simulation import simulation_trials
from models.autointerp.trials import Judgement, Label, Trial
from models.autointerp.yes_no import yes_no_metrics
from storage.table_schemas.example import SCHEMA as EXAMPLE
from storage.table_schemas.judgement import SCHEMA as JUDGEMENT

LABELS = [Label(f"label {feature}", feature, "words") for feature in range(3)]


@pytest.fixture(scope="module")
def gallery() -> ExampleSet:
    """Of each of three features ten windows from two intervals and five controls, each of a document of its own."""
    rows = [
        example(f, "interval", rank, [f"w{f}", f"{rank}", "x"], 1.0 + rank, rank % 2)
        for f in range(3)
        for rank in range(10)
    ]
    rows += [example(f, "control", rank, ["y", f"{rank}", "z"]) for f in range(3) for rank in range(5)]
    table = with_explained(pa.Table.from_pylist(rows, schema=EXAMPLE))
    return ExampleSet.of(table, near_copy_group=all_for_scoring(table))


@pytest.fixture(scope="module")
def trials(gallery: ExampleSet) -> list[Trial]:
    """Each label has three hard negatives: windows of the next feature."""
    return list(detection_trials(gallery, LABELS, {f: gallery.for_scoring((f + 1) % 3)[:3] for f in range(3)}))


def test_a_row_says_what_was_shown_and_what_was_said(gallery: ExampleSet, trials: list[Trial]):
    draw = random.Random(0)
    said = [
        [Judgement(None, "refused") if draw.random() < 0.2 else Judgement(draw.random() < 0.5) for _ in trial.row_N]
        for trial in trials
    ]
    rows = judgement_rows(gallery, trials, said, has_truth=True).to_pylist()
    examples = {row["example_id"]: row for row in gallery.table.to_pylist()}
    flat = [verdict for of_trial in said for verdict in of_trial]
    assert len(rows) == len(flat) == 3 * (10 + 5 + 3)
    for row, verdict in zip(rows, flat, strict=True):
        shown = examples[row["example_id"]]
        is_own = shown["feature_id"] == row["feature_id"]
        assert row["explanation_id"] == f"label {row['feature_id']}"
        assert row["kind"] == ("control" if shown["kind"] == "control" else "interval" if is_own else "hard")
        assert row["interval_index"] == (shown["interval_index"] if is_own else None)
        assert row["document_group"].startswith(f"{shown['document_id']}#")
        assert row["truth"] == (row["kind"] == "interval")
        assert (row["status"], row["answer"]) == (
            verdict.status,
            None if verdict.value is None else float(verdict.value),
        )
        assert row["is_right"] == (None if verdict.value is None else verdict.value == row["truth"])
        assert (row["marked"], row["strengths"]) == ([], None)


def test_scores_of_all_and_of_each_half_follow_from_the_rows(gallery: ExampleSet, trials: list[Trial]):
    draw = random.Random(1)
    said = [[Judgement(draw.random() < 0.6) for _ in trial.row_N] for trial in trials]
    scores = {
        row["explanation_id"]: row
        for row in score_rows(yes_no_metrics, gallery, trials, said).to_pylist()
        if row["metric"] == "balanced_accuracy"
    }
    rows = judgement_rows(gallery, trials, said, has_truth=True).to_pylist()
    for name, halves in {"value": (True, False), "choosing_value": (True,), "reporting_value": (False,)}.items():
        right = defaultdict(list)
        for row in rows:
            if row["is_choosing"] in halves:
                right[row["explanation_id"], row["truth"]].append(row["is_right"])
        for label in (label.explanation_id for label in LABELS):
            rates = [sum(right[label, truth]) / len(right[label, truth]) for truth in (True, False)]
            assert scores[label][name] == pytest.approx(sum(rates) / 2)


def test_marks_and_strengths_are_kept(gallery: ExampleSet):
    fuzzed = list(fuzzing_trials(gallery, LABELS))
    rows = judgement_rows(
        gallery, fuzzed, [[Judgement(True)] * len(t.row_N) for t in fuzzed], has_truth=True
    ).to_pylist()
    assert [row["marked"] for row in rows] == [list(marks) for trial in fuzzed for marks in trial.marked]
    assert {row["kind"] for row in rows} == {"interval", "control", "wrong_marks"}
    simulated = list(simulation_trials(gallery, LABELS))
    said = [[Judgement([0.0, 10.0, 1.0]) for _ in trial.row_N] for trial in simulated]
    table = named_judgements("simulation", judgement_rows(gallery, simulated, said, has_truth=False))
    assert table.schema == JUDGEMENT
    for row in table.to_pylist():
        assert (row["strengths"], row["answer"], row["truth"], row["is_right"]) == ([0.0, 10.0, 1.0], None, None, None)
