"""Scores of planted verdicts: perfect, blind, inverted and missing ones."""

import random

import numpy as np
import pyarrow as pa
import pytest
from example_rows import example, in_context

from models.autointerp.example_set import ExampleSet
from models.autointerp.score_rows import VALUES, Measure, area_under_curve, named_scores, score_rows
from models.autointerp.scorers.detection import detection_trials
from models.autointerp.scorers.fuzzing import fuzzing_trials
from models.autointerp.scorers.output import OutputTrial, accuracy_rows
from models.autointerp.scorers.simulation import simulation_metrics, simulation_trials
from models.autointerp.scorers.specificity import specificity_trials
from models.autointerp.trials import Judgement, Label, Trial
from models.autointerp.yes_no import yes_no_metrics
from storage.table_schemas.example import SCHEMA as EXAMPLE

FEATURES = range(5)
LABELS = [Label(f"label {feature}", feature, "`x`") for feature in FEATURES]
FAILED = Judgement(None, "refused")


@pytest.fixture(scope="module")
def gallery() -> ExampleSet:
    draw, rows = random.Random(0), []
    for feature in FEATURES:
        for kind in ("interval", "control"):
            for rank in range(50):
                acts = [draw.choice([0.0, 0.0, draw.uniform(0, 5)]) for _ in range(draw.randint(5, 20))]
                row = example(
                    feature, kind, rank, [f" x{len(rows)}"] * len(acts), 1.0, 0 if kind == "interval" else None
                )
                acts = acts if kind == "interval" else [0.0] * len(acts)
                acts[row["peak"]] = 5.0 if kind == "interval" else 0.0
                rows.append(row | in_context(len(rows)) | {"activations": acts})
    return ExampleSet.of(pa.Table.from_pylist(rows, schema=EXAMPLE))


@pytest.fixture(scope="module")
def detection(gallery: ExampleSet) -> list[Trial]:
    hard = {f: gallery.for_scoring((f + 1) % 5)[:6] for f in FEATURES if f != 2}
    return list(detection_trials(gallery, LABELS, hard))


Told = dict[tuple[str, str], dict]


def told(table: pa.Table) -> Told:
    """Rows by label and metric."""
    assert table.schema == VALUES
    rows = table.to_pylist()
    for row in rows:
        numbers = [row[name] for name in ("ci_low", "value", "ci_high") if row[name] is not None]
        assert numbers == sorted(numbers)
        assert not any(np.isnan(numbers)), row
    found = {(row["explanation_id"], row["metric"]): row for row in rows}
    assert len(found) == len(rows)
    return found


def perfect(trials: list[Trial]) -> list[list[Judgement]]:
    return [[Judgement(bool(truth)) for truth in trial.truth_N] for trial in trials]


def test_perfect_verdicts_score_one_in_every_metric(gallery: ExampleSet, detection: list[Trial]):
    fuzzing = list(fuzzing_trials(gallery, LABELS))
    for scorer, trials in (("detection", detection), ("fuzzing", fuzzing)):
        found = told(score_rows(yes_no_metrics, gallery, trials, perfect(trials)))
        assert {row["value"] for row in found.values()} == {1.0}
        assert all(0.5 < row["ci_low"] < row["ci_high"] == 1 for row in found.values())
        metrics = {"balanced_accuracy", "f1", "true_positive_rate", "true_negative_rate"}
        assert {metric for label, metric in found if label == "label 2"} == metrics, "it has no hard negatives"
        hard = {"true_negative_rate_hard"} if scorer == "detection" else set()
        assert {metric for label, metric in found if label == "label 1"} == metrics | hard


def test_who_always_says_yes_is_at_chance(gallery: ExampleSet, detection: list[Trial]):
    found = told(score_rows(yes_no_metrics, gallery, detection, [[Judgement(True)] * len(t.row_N) for t in detection]))
    for label in (label.explanation_id for label in LABELS):
        assert found[label, "balanced_accuracy"]["value"] == 0.5
        assert found[label, "true_positive_rate"]["value"] == 1
        assert found[label, "true_negative_rate"]["value"] == 0


def test_verdicts_drawn_without_looking_are_at_chance(gallery: ExampleSet, detection: list[Trial]):
    draw = random.Random(0)
    trials = detection * 20
    blind = [[Judgement(draw.random() < 0.7) for _ in trial.row_N] for trial in trials]
    rows = score_rows(yes_no_metrics, gallery, trials, blind).to_pylist()
    values = [row["value"] for row in rows if row["metric"] == "balanced_accuracy"]
    assert len(values) == 100
    assert np.mean(values) == pytest.approx(0.5, abs=0.03)


def test_rates_are_counts(gallery: ExampleSet, detection: list[Trial]):
    draw = random.Random(1)
    said = [[Judgement(draw.random() < 0.6) for _ in trial.row_N] for trial in detection]
    found = told(score_rows(yes_no_metrics, gallery, detection, said))
    for trial, verdicts in zip(detection, said, strict=True):
        name, rows = trial.label.explanation_id, list(zip(trial.kind, verdicts, strict=True))
        positive = [v.value is True for kind, v in rows if kind == "interval"]
        negative = [not v.value for kind, v in rows if kind != "interval"]
        hard = [not v.value for kind, v in rows if kind == "hard"]
        rates = {"true_positive_rate": positive, "true_negative_rate": negative, "true_negative_rate_hard": hard}
        for metric, right in rates.items():
            if right:
                assert found[name, metric]["value"] == pytest.approx(np.mean(right))
                assert (found[name, metric]["n_trials"], found[name, metric]["n_failed"]) == (len(right), 0)
        expected = (np.mean(positive) + np.mean(negative)) / 2
        assert found[name, "balanced_accuracy"]["value"] == pytest.approx(expected)
        precision = sum(positive) / (sum(positive) + len(negative) - sum(negative))
        harmonic = 2 * precision * np.mean(positive) / (precision + np.mean(positive))
        assert found[name, "f1"]["value"] == pytest.approx(harmonic)


def without(trial: Trial, kept_N: np.ndarray) -> Trial:
    some = kept_N.nonzero()[0].tolist()
    marked, kind = tuple(trial.marked[i] for i in some), tuple(trial.kind[i] for i in some)
    halves_N = trial.is_choosing_N[kept_N]
    return Trial(trial.label, trial.row_N[kept_N], marked, trial.truth_N[kept_N], kind, halves_N)


def task_at_random(
    task: str, gallery: ExampleSet, detection: list[Trial], draw: random.Random
) -> tuple[list[Trial], Measure, list[list[Judgement]]]:
    """Trials of a task, how it is measured, and verdicts drawn without looking."""
    build = {"specificity": specificity_trials, "fuzzing": fuzzing_trials, "simulation": simulation_trials}
    trials = detection if task == "detection" else list(build[task](gallery, LABELS))
    measure = {"specificity": area_under_curve, "simulation": simulation_metrics}.get(task, yes_no_metrics)

    def verdict(row: int) -> Judgement:
        lists = [float(draw.randint(0, 10)) for _ in gallery.window(row)[0]]
        return Judgement({"specificity": draw.randint(0, 3), "simulation": lists}.get(task, draw.random() < 0.6))

    return trials, measure, [[verdict(row) for row in trial.row_N.tolist()] for trial in trials]


@pytest.mark.parametrize("task", ["specificity", "detection", "fuzzing", "simulation"])
def test_a_verdict_that_is_missing_counts_as_failed_and_for_nothing_else(
    gallery: ExampleSet, detection: list[Trial], task: str
):
    draw = random.Random(2)
    trials, measure, said = task_at_random(task, gallery, detection, draw)
    kept = [np.array([draw.random() < 0.7 for _ in trial.row_N]) for trial in trials]
    holes = [[v if k else FAILED for v, k in zip(*pair, strict=True)] for pair in zip(said, kept, strict=True)]
    fewer = [without(trial, kept_N) for trial, kept_N in zip(trials, kept, strict=True)]
    rest = [[v for v in verdicts if v is not FAILED] for verdicts in holes]
    found = told(score_rows(measure, gallery, trials, holes))
    expected = told(score_rows(measure, gallery, fewer, rest))
    whole = told(score_rows(measure, gallery, trials, said))
    assert sum(row["n_failed"] for row in found.values()) > 30
    for key, row in found.items():
        assert row | {"n_failed": 0} == expected[key]
        assert row["n_trials"] + row["n_failed"] == whole[key]["n_trials"]


def test_where_every_verdict_is_missing_there_is_no_value(gallery: ExampleSet, detection: list[Trial]):
    found = told(score_rows(yes_no_metrics, gallery, detection, [[FAILED] * len(t.row_N) for t in detection]))
    for row in found.values():
        assert row["value"] is row["ci_low"] is row["ci_high"] is None
        assert row["n_trials"] == 0 < row["n_failed"]
    lone = [without(trial, trial.truth_N) for trial in detection]
    found = told(score_rows(yes_no_metrics, gallery, lone, perfect(lone)))
    assert ("label 0", "true_negative_rate") not in found
    assert found["label 0", "balanced_accuracy"]["value"] is None
    assert found["label 0", "true_positive_rate"]["value"] == 1


def test_specificity_is_the_share_of_pairs_that_ratings_tell_apart(gallery: ExampleSet):
    trials, draw = list(specificity_trials(gallery, LABELS)), random.Random(3)
    said = [[Judgement(draw.randint(0, 2) + (kind == "interval")) for kind in trial.kind] for trial in trials]
    found = told(score_rows(area_under_curve, gallery, trials, said))
    for trial, verdicts in zip(trials, said, strict=True):
        sides = {"interval": [], "control": []}
        for kind, verdict in zip(trial.kind, verdicts, strict=True):
            sides[kind].append(verdict.value)
        pairs = [(a > b) + (a == b) / 2 for a in sides["interval"] for b in sides["control"]]
        assert found[trial.label.explanation_id, "auroc"]["value"] == pytest.approx(np.mean(pairs))


def test_simulation_correlates_over_the_tokens_of_all_windows(gallery: ExampleSet):
    trials, draw = list(simulation_trials(gallery, LABELS)), random.Random(4)
    said, truth = [], []
    for trial in trials:
        acts = [gallery.window(row)[1] for row in trial.row_N.tolist()]
        said.append([Judgement([min(10.0, max(0.0, x + draw.gauss(0, 2))) for x in window]) for window in acts])
        truth.append(np.concatenate(acts))
    found = told(score_rows(simulation_metrics, gallery, trials, said))
    for trial, verdicts, acts in zip(trials, said, truth, strict=True):
        strengths = np.concatenate([verdict.value for verdict in verdicts if isinstance(verdict.value, list)])
        row = found[trial.label.explanation_id, "pearson"]
        assert row["value"] == pytest.approx(np.corrcoef(strengths, acts)[0, 1], abs=1e-6)
        assert row["n_trials"] == len(trial.row_N)
        assert 0 < found[trial.label.explanation_id, "spearman"]["value"] < 1


def test_a_perfect_simulation_correlates_fully_and_a_constant_one_has_no_value(gallery: ExampleSet):
    trials = list(simulation_trials(gallery, LABELS[:2]))
    exact = [Judgement([float(2 * x) for x in gallery.window(row)[1]]) for row in trials[0].row_N.tolist()]
    silent = [Judgement([0.0] * len(gallery.window(row)[0])) for row in trials[1].row_N.tolist()]
    found = told(score_rows(simulation_metrics, gallery, trials, [exact, silent]))
    for metric in ("pearson", "spearman"):
        assert found["label 0", metric]["value"] == pytest.approx(1)
        assert found["label 1", metric]["value"] is None
        assert found["label 1", metric]["n_trials"] == len(silent)


def test_blocks_change_no_value_and_no_count(gallery: ExampleSet, detection: list[Trial]):
    """Intervals they do: how alike windows of a document are is told from the trials that are measured together."""
    draw = random.Random(6)
    said = [[Judgement(draw.random() < 0.7) for _ in trial.row_N] for trial in detection]
    whole, parted = (told(score_rows(yes_no_metrics, gallery, detection, said, together=n)) for n in (None, 2))
    counted = ("value", "n_trials", "n_failed", "choosing_value", "reporting_value", "reporting_n_trials")
    assert whole.keys() == parted.keys()
    for key, row in whole.items():
        assert [row[name] for name in counted] == [parted[key][name] for name in counted]
    assert score_rows(yes_no_metrics, gallery, [], []).num_rows == 0


def test_a_number_for_each_window_is_scored_by_its_area(gallery: ExampleSet, detection: list[Trial]):
    values = [trial.truth_N * 0.4 - 3 for trial in detection]
    values[1] = -values[1]
    verdicts = [[Judgement(value) for value in value_N.tolist()] for value_N in values]
    found = told(score_rows(area_under_curve, gallery, detection, verdicts))
    assert [found[label.explanation_id, "auroc"]["value"] for label in LABELS] == [1, 0, 1, 1, 1]


@pytest.mark.parametrize("task", ["specificity", "detection", "fuzzing", "simulation"])
def test_each_half_is_scored_as_if_it_were_all(gallery: ExampleSet, detection: list[Trial], task: str):
    """A row says what its label is worth by all trials, by those that choose and by the others; near copies are in
    one."""
    draw = random.Random(5)
    trials, measure, said = task_at_random(task, gallery, detection, draw)
    found = told(score_rows(measure, gallery, trials, said))
    for half, names in ((True, ["choosing_value"]), (False, ["reporting_value", "reporting_n_trials"])):
        mine = [trial.is_choosing_N == half for trial in trials]
        alone = [without(trial, of_N) for trial, of_N in zip(trials, mine, strict=True)]
        rest = [[v for v, of in zip(vs, of_N, strict=True) if of] for vs, of_N in zip(said, mine, strict=True)]
        expected = told(score_rows(measure, gallery, alone, rest))
        assert len(expected) > 4
        for key, row in expected.items():
            assert [found[key][name] for name in names] == [row["value"], row["n_trials"]][: len(names)]


def test_choices_are_counted_by_label():
    labels = [LABELS[0], LABELS[1], LABELS[0], LABELS[0], LABELS[2]]
    asked = [OutputTrial(label, (("a",), ("b",)), 0) for label in labels]
    said = [Judgement(True), Judgement(True), Judgement(False), FAILED, FAILED]
    found = told(accuracy_rows(asked, said))
    assert [(row["value"], row["n_trials"], row["n_failed"]) for row in found.values()] == [
        (0.5, 2, 1),
        (1, 1, 0),
        (None, 0, 1),
    ]
    assert found["label 1", "accuracy"]["ci_low"] == pytest.approx(1 / (1 + 1.96**2), abs=1e-3)
    assert accuracy_rows([], []).num_rows == 0


def test_scores_say_whose_they_are_and_which_of_them_is_the_headline(gallery: ExampleSet, detection: list[Trial]):
    values = score_rows(yes_no_metrics, gallery, detection, perfect(detection))
    rows = named_scores("made_up", "f1", values).to_pylist()
    assert {row["scorer"] for row in rows} == {"made_up"}
    assert [row["metric"] for row in rows if row["is_headline"]] == ["f1"] * len(LABELS)
    assert not any(row["is_headline"] for row in named_scores("specificity", None, values).to_pylist())
