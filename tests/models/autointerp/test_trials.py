"""Trials show windows of the scoring half only, say what is right of each, and give nothing away by their order."""

import random

import numpy as np
import pyarrow as pa
import pytest
from example_rows import all_for_scoring, example, in_context, with_explained

from models.autointerp.example_set import ExampleSet
from models.autointerp.prompt_format import MARK_FROM
from models.autointerp.scorers.detection import detection_trials
from models.autointerp.scorers.fuzzing import fuzzing_trials
from models.autointerp.scorers.output import output_trials
from models.autointerp.scorers.simulation import simulation_trials
from models.autointerp.scorers.specificity import specificity_trials
from models.autointerp.trials import Judgement, Label, Trial
from storage.table_schemas.example import SCHEMA as EXAMPLE

FEATURES = range(6)
LABELS = [Label(f"label {feature}", feature, "`x`") for feature in FEATURES]


def table(seed: int = 0) -> pa.Table:
    """Windows of 4 to 24 tokens of which some, and now and then all, are active to some degree."""
    draw, rows = random.Random(seed), []
    for feature in FEATURES:
        for kind, n in (("top", 12), ("interval", 40), ("control", 40)):
            for rank in range(n):
                length = draw.randint(4, 24)
                tokens = [f" t{draw.randrange(50)}" for _ in range(length)]
                row = example(feature, kind, rank, tokens, 1.0, rank // 4 if kind == "interval" else None)
                row |= in_context(len(rows)) | {"position": draw.randint(30, 60)}
                if kind == "control":
                    acts = [0.0] * length
                else:
                    silent = 0.0 if rank % 7 == 0 else 0.7
                    acts = [0.0 if draw.random() < silent else draw.uniform(0.1, 5) for _ in tokens]
                    acts[row["peak"]] = 4.0
                rows.append(row | {"activations": acts, "activation": acts[row["peak"]]})
    return pa.Table.from_pylist(rows, schema=EXAMPLE)


def scored(rows: list[dict]) -> ExampleSet:
    """Windows that are all for scoring."""
    table = with_explained(pa.Table.from_pylist(rows, schema=EXAMPLE))
    return ExampleSet.of(table, near_copy_group=all_for_scoring(table))


@pytest.fixture(scope="module")
def gallery() -> ExampleSet:
    return ExampleSet.of(table())


@pytest.fixture(scope="module")
def hard(gallery: ExampleSet) -> dict[int, np.ndarray]:
    """Three examples of the next feature for each."""
    found = {}
    for feature in FEATURES:
        rows = gallery.for_scoring((feature + 1) % len(FEATURES))
        found[feature] = rows[gallery.is_interval_R[rows]][:3]
    return found


def all_trials(
    gallery: ExampleSet, hard: dict[int, np.ndarray], labels: list[Label] = LABELS
) -> dict[str, list[Trial]]:
    return {
        "specificity": list(specificity_trials(gallery, labels)),
        "detection": list(detection_trials(gallery, labels, hard)),
        "fuzzing": list(fuzzing_trials(gallery, labels)),
        "simulation": list(simulation_trials(gallery, labels)),
    }


def test_nothing_that_a_label_is_made_from_is_in_a_trial(gallery: ExampleSet, hard: dict[int, np.ndarray]):
    contexts = gallery.column("context_id")
    for task, trials in all_trials(gallery, hard).items():
        assert [trial.label for trial in trials] == LABELS, task
        for trial in trials:
            explaining = gallery.for_explaining(trial.label.feature_id)
            assert len(explaining) > 10
            assert len(trial.row_N) > 25
            assert not set(trial.row_N.tolist()) & set(explaining.tolist()), task
            assert not set(contexts[trial.row_N].tolist()) & set(contexts[explaining].tolist()), task


def test_a_trial_says_one_thing_of_each_window_and_shows_it_once_in_the_order_of_its_id(
    gallery: ExampleSet, hard: dict[int, np.ndarray]
):
    for task, trials in all_trials(gallery, hard).items():
        for trial in trials:
            ids = [gallery.example_ids[row] for row in trial.row_N]
            assert ids == sorted(set(ids)), task
            assert len(trial.row_N) == len(trial.marked) == len(trial.truth_N) == len(trial.kind)


def test_every_example_and_control_for_scoring_is_rated_by_its_peak(gallery: ExampleSet):
    for trial in specificity_trials(gallery, LABELS):
        assert sorted(trial.row_N.tolist()) == gallery.for_scoring(trial.label.feature_id).tolist()
        for row, marks, kind in zip(trial.row_N.tolist(), trial.marked, trial.kind, strict=True):
            assert marks == (gallery.window(row)[2],)
            assert kind == gallery.table["kind"][row].as_py()


def test_detection_asks_of_examples_controls_and_hard_negatives(gallery: ExampleSet, hard: dict[int, np.ndarray]):
    for trial in detection_trials(gallery, LABELS, hard):
        kinds = dict(zip(trial.row_N.tolist(), trial.kind, strict=True))
        own = {row: gallery.table["kind"][row].as_py() for row in gallery.for_scoring(trial.label.feature_id).tolist()}
        assert kinds == own | dict.fromkeys(hard[trial.label.feature_id].tolist(), "hard")
        assert trial.truth_N.tolist() == [kind == "interval" for kind in trial.kind]
        assert set(trial.marked) == {()}


def test_a_hard_negative_from_the_context_of_a_control_is_left_out(hard: dict[int, np.ndarray]):
    rows = table().to_pylist()
    gallery = ExampleSet.of(pa.Table.from_pylist(rows, schema=EXAMPLE))
    twin, other = hard[0][:2].tolist()
    control = next(row for row in gallery.for_scoring(0).tolist() if gallery.is_control_R[row])
    for row in rows:
        if row["example_id"] == gallery.example_ids[control]:
            row["context_id"] = int(gallery.column("context_id")[twin])
    changed = ExampleSet.of(pa.Table.from_pylist(rows, schema=EXAMPLE))
    [trial] = detection_trials(changed, LABELS[:1], {0: np.array([twin, other])})
    assert [row for row, kind in zip(trial.row_N.tolist(), trial.kind, strict=True) if kind == "hard"] == [other]
    assert control in trial.row_N


def test_fuzzing_marks_rightly_or_wrongly_on_purpose(gallery: ExampleSet):
    for trial in fuzzing_trials(gallery, LABELS):
        assert sorted(trial.row_N.tolist()) == gallery.for_scoring(trial.label.feature_id).tolist()
        assert trial.truth_N.tolist() == [kind == "interval" for kind in trial.kind]
        n_marks: dict[str, list[int]] = {"interval": [], "wrong_marks": [], "control": []}
        for row, marks, kind in zip(trial.row_N.tolist(), trial.marked, trial.kind, strict=True):
            _, acts, _ = gallery.window(row)
            active = {i for i, act in enumerate(acts) if act > 0 and act >= MARK_FROM * max(acts)}
            assert len(set(marks)) == len(marks)
            assert list(marks) == sorted(marks)
            n_marks[kind].append(len(marks))
            if kind == "interval":
                assert set(marks) == active
            elif kind == "wrong_marks":
                assert len(marks) == len(active)
                assert all(acts[i] == 0 for i in marks)
            else:
                assert set(marks) <= set(range(len(acts)))
        examples = len(n_marks["interval"]) + len(n_marks["wrong_marks"])
        assert len(n_marks["wrong_marks"]) == examples // 2
        usual = int(np.mean(n_marks["interval"]) + 0.5)
        lengths = [len(gallery.window(r)[0]) for r, k in zip(trial.row_N, trial.kind, strict=True) if k == "control"]
        assert n_marks["control"] == [min(usual, length) for length in lengths]


def test_a_token_is_marked_from_three_tenths_of_the_window_s_maximum_on():
    acts = [0.0, 0.25, 0.5, 0.75, 1.0, 2.5, 0.7, 1.25]
    rows = [example(0, "interval", i, [" a"] * 8, 1.0, 0) | in_context(i) | {"activations": acts} for i in range(20)]
    [trial] = fuzzing_trials(scored(rows), LABELS[:1])
    assert set(trial.marked) == {(3, 4, 5, 7)}
    assert set(trial.kind) == {"interval"}, "one silent token is too few for four wrong marks"


def test_a_window_without_enough_silent_tokens_is_marked_rightly():
    rows = [example(0, "interval", i, [" a", " b", " c", " d"], 2.0, i) | in_context(i) for i in range(60)]
    for row in rows:
        row["activations"] = [2.0] * 3 + [0.0] if row["rank"] % 5 else [0.0, 0.0, 2.0, 0.0]
    gallery = scored(rows)
    [trial] = fuzzing_trials(gallery, LABELS[:1])
    able = [row for row in gallery.for_scoring(0).tolist() if gallery.column("rank")[row] % 5 == 0]
    wrong = [row for row, kind in zip(trial.row_N.tolist(), trial.kind, strict=True) if kind == "wrong_marks"]
    assert 0 < len(able) < len(trial.row_N) // 2
    assert sorted(wrong) == sorted(able)


def test_wrong_and_arbitrary_marks_stand_anywhere():
    rows = [example(0, k, i, [" a"] * 16, 2.0, 0) for k in ("interval", "control") for i in range(400)]
    for i, row in enumerate(rows):
        row |= in_context(i) | {"interval_index": 0 if row["kind"] == "interval" else None}
        row["activations"] = [2.0 if j == 8 and row["kind"] == "interval" else 0.0 for j in range(16)]
        row["example_id"] = f"{i * 7919 % 800:016x}"
    [trial] = fuzzing_trials(scored(rows), LABELS[:1])
    for kind, places in (("wrong_marks", set(range(16)) - {8}), ("control", set(range(16)))):
        marks = [m for marked, k in zip(trial.marked, trial.kind, strict=True) if k == kind for m in marked]
        assert set(marks) == places
        assert max(np.bincount(marks)) < 3 * len(marks) / len(places), "one place is marked far too often"


def test_the_order_of_rows_and_the_rest_of_the_labels_mean_nothing(gallery: ExampleSet, hard: dict[int, np.ndarray]):
    shuffled = ExampleSet.of(table().take(np.random.default_rng(0).permutation(len(gallery))))

    def said(of: ExampleSet, trials: list[Trial]) -> list[tuple]:
        ids = [[of.example_ids[row] for row in trial.row_N] for trial in trials]
        return [(t.label, i, t.marked, t.truth_N.tolist(), t.kind) for t, i in zip(trials, ids, strict=True)]

    before, after = all_trials(gallery, hard), all_trials(shuffled, hard, LABELS[3:])
    for task, trials in before.items():
        if task != "detection":  # rows of hard negatives are numbers of one gallery
            assert said(gallery, trials)[3:] == said(shuffled, after[task]), task


def test_a_label_without_windows_for_scoring_has_no_trial(gallery: ExampleSet):
    unknown = [Label("dead", 99, "`x`")]
    assert {task: len(trials) for task, trials in all_trials(gallery, {}, unknown).items()} == {
        "specificity": 0,
        "detection": 0,
        "fuzzing": 0,
        "simulation": 0,
    }


def effects(promoted: dict[int, list[str]]) -> pa.Table:
    """The strongest last, so that the rank is what counts; the suppressed ones in between."""
    rows = []
    for feature, tokens in promoted.items():
        for rank, token in reversed(list(enumerate(tokens))):
            rows.append({"feature_id": feature, "direction": "negative", "rank": rank, "token": "never"})
            rows.append({"feature_id": feature, "direction": "positive", "rank": rank, "token": token})
    return pa.Table.from_pylist(rows)


def test_a_choice_holds_the_own_tokens_in_a_place_of_no_meaning():
    promoted = {feature: [f"{feature}-{i}" for i in range(12)] for feature in range(300)}
    labels = [Label(f"id {feature}", feature, "") for feature in range(200)]
    found = list(output_trials(labels, effects(promoted)))
    assert [choice.label for choice in found] == labels
    for choice in found:
        feature = choice.label.feature_id
        assert len(choice.options) == len(set(choice.options)) == 4
        assert choice.options[choice.right] == tuple(promoted[feature][:10])
        others = {int(option[0].split("-")[0]) for option in choice.options} - {feature}
        assert len(others) == 3
    assert list(output_trials(labels[:50], effects(promoted))) == found[:50], "a label more changes no other's trial"
    places = np.bincount([choice.right for choice in found], minlength=4)
    assert min(places) > 30, f"200 right places, by place: {places}"


def test_no_two_options_hold_the_same_tokens():
    promoted = {0: ["a", "b"], 1: ["b", "a"], 2: ["c"], 3: ["d"], 4: ["e"], 5: ["c"]}
    labels = [Label(f"id {feature}", feature, "") for feature in [*promoted, 77]]
    found = list(output_trials(labels, effects(promoted)))
    assert [choice.label.feature_id for choice in found] == list(promoted)
    for choice in found:
        assert {frozenset(option) for option in choice.options} == set(map(frozenset, ("ab", "c", "d", "e")))
        assert choice.options[choice.right] == tuple(promoted[choice.label.feature_id])
    assert list(output_trials(labels, effects(promoted), n_options=5)) == []
    assert list(output_trials(labels, effects(promoted).slice(0, 0))) == []


def test_a_verdict_without_value_says_why():
    with pytest.raises(AssertionError):
        Judgement(None)
    with pytest.raises(AssertionError):
        Judgement(3, "refused")
