"""The lexical explainer finds planted rules; the judge says what a plain reading of its rule does, and tells examples
from controls."""

import random
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from example_rows import example, in_context

from models.autointerp.assembly import LabelingSetup
from models.autointerp.config import ExplanationSettings, offline_explainers
from models.autointerp.example_set import ExampleSet
from models.autointerp.explainer_inputs import ExplainerInputs
from models.autointerp.explainers.lexical import LexicalExplainer
from models.autointerp.feature_data import FeatureData
from models.autointerp.judge_task import RuleMatches, WindowTask
from models.autointerp.lexical.judge import LexicalJudge
from models.autointerp.lexical.rule_language import PLACES, Term, format_rule, parse_label
from models.autointerp.lexical.token_properties import TokenProperties
from models.autointerp.lexical.token_windows import TokenWindows
from models.autointerp.progress import no_progress
from models.autointerp.scorers import detection, fuzzing, simulation, specificity
from models.autointerp.scorers.detection import detection_trials
from models.autointerp.scorers.fuzzing import fuzzing_trials
from models.autointerp.scorers.simulation import simulation_trials
from models.autointerp.scorers.specificity import ratings_of, specificity_trials
from models.autointerp.stages import label_features, rate_labels, score_labels
from models.autointerp.tables import Explanation
from models.autointerp.trials import Judgement, Label, Trial
from models.features.scoring_half import is_in_scoring_half
from storage.folder import Folder
from storage.table_schemas.example import SCHEMA as EXAMPLE

# fmt: off
CODE = [
    "x", "=", "y", "(", ")", ",", ".", ":", "[", "]", "+", "==", "if", "for", "in", "return", "print", "len", "name",
    "value", "key", "item", "data", "path", "None", "True", "self",
]
# fmt: on
PROSE = ["the", "of", "a", "to", "and", "is", "in", "that", "it", "for", "as", "with", "on", "be", "by", "this"]


def text(draw: random.Random, n: int) -> list[str]:
    """Mostly code, a line break now and then."""
    return [draw.choice(["\n    ", *(f" {word}" for word in CODE)]) for _ in range(n)]


def prose(draw: random.Random, n: int) -> list[str]:
    return [f" {draw.choice(PROSE)}" for _ in range(n)]


LINE_BREAKS = ["\n" + " " * n for n in range(6)]
PLANTED = {
    "`import`": lambda draw: (text(draw, 12), " import"),
    "`lambda`, `yield` or `await`": lambda draw: (text(draw, 12), draw.choice([" lambda", "yield", " await"])),
    "`{3 spaces}`": lambda draw: (text(draw, 12), "   "),
    "`ter` as in filter": lambda draw: ([*text(draw, 11), " fil"], "ter"),
    "word: error": lambda draw: (text(draw, 12), draw.choice([" error", "Error", " ERROR", "error"])),
    "numbers": lambda draw: (text(draw, 12), str(draw.randrange(100, 1000))),
    "tokens after `self` then `.`": lambda draw: (
        [*text(draw, 10), " self", "."],
        "".join(draw.choices("abcdEFGH", k=4)),
    ),
    "after `print`": lambda draw: ([*text(draw, 11), " print"], "("),
    "in prose": lambda draw: (prose(draw, 12), f" {draw.choice(PROSE)}"),
    "in # comments": lambda draw: ([*text(draw, 6), "\n", "#", *text(draw, 4)], f" {draw.choice(CODE)}"),
    "on lines starting with `assert`": lambda draw: (
        [*text(draw, 6), "\n", "assert", " a", "=="],
        f" {draw.choice(CODE)}",
    ),
    "at line start": lambda draw: ([*text(draw, 8), "\n" + " " * draw.randrange(6)], draw.choice(CODE)),
    "near word: socket": lambda draw: (
        [*text(draw, 4), " socket", *(w for w in text(draw, 7))],
        f" {draw.choice(CODE)}",
    ),
}


def planted_examples() -> pa.Table:
    rows = []
    for feature, plant in enumerate(PLANTED.values()):
        draw = random.Random(feature)
        for rank in range(80):
            before, peak = plant(draw)
            tokens = [*before, peak, *text(draw, 6)]
            row = example(feature, "top", rank, tokens, 10.0 - rank / 20)
            rows.append(
                row
                | {
                    "peak": len(before),
                    "kind": "interval" if rank >= 40 else "top",
                    "interval_index": rank // 8 if rank >= 40 else None,
                }
            )
        for rank in range(60):
            tokens = text(draw, 20) if rank % 10 else prose(draw, 20)
            rows.append(
                example(feature, "control", rank, tokens, 0.0)
                | in_context(500 + 1000 * feature + rank)
                | {"peak": draw.randrange(20)}
            )
    return pa.Table.from_pylist(rows, schema=EXAMPLE)


@pytest.fixture(scope="module")
def examples() -> pa.Table:
    return planted_examples()


@pytest.fixture(scope="module")
def background(examples: pa.Table) -> dict[str, int]:
    draw, counts = random.Random(0), dict[str, int]()
    for token in [
        *text(draw, 90_000),
        *prose(draw, 10_000),
        *["self", ".", "("] * 300,
        *["", "error", "Error"] * 20,
        *LINE_BREAKS * 300,
    ]:
        counts[token] = counts.get(token, 0) + 1
    return counts


def explain(examples: pa.Table, background: dict[str, int]) -> list[Explanation]:
    gallery = ExampleSet.of(examples)
    return LexicalExplainer(background).explain(ExplainerInputs(gallery), gallery.features)


@pytest.fixture(scope="module")
def explanations(examples: pa.Table, background: dict[str, int]) -> list[Explanation]:
    return explain(examples, background)


@pytest.mark.parametrize("feature", range(len(PLANTED)), ids=list(PLANTED))
def test_a_planted_rule_is_found(explanations: list[Explanation], feature: int):
    wanted = list(PLANTED)[feature]
    label = explanations[feature].label or ""
    for phrase in re.split(r", | or (?=`)", wanted) if "lambda" in wanted else [wanted]:
        assert phrase in label, label
    assert len(label.split()) <= 12
    assert not label.startswith("unclear")
    assert label.startswith(format_rule(parse_label(label))), "the judge reads another rule than was written"


TASKS = {
    "specificity": specificity_trials,
    "detection": lambda gallery, labels: detection_trials(gallery, labels, {}),
    "fuzzing": fuzzing_trials,
    "simulation": simulation_trials,
}


ASKED: dict[str, WindowTask] = {
    module.TASK.name: module.TASK for module in (specificity, detection, fuzzing, simulation)
}


def judged(task: str, gallery: ExampleSet, labels: list[Label]) -> list[tuple[Trial, list[Judgement]]]:
    trials = list(TASKS[task](gallery, labels))
    verdicts, answers = LexicalJudge().judge(ASKED[task], gallery, trials)
    assert answers == []
    assert {verdict.status for said in verdicts for verdict in said} == {"ok"}
    return list(zip(trials, verdicts, strict=True))


def labels_of(explanations: list[Explanation]) -> list[Label]:
    return [Label(e.explanation_id("m/r"), e.feature_id, e.label or "") for e in explanations]


def test_the_judge_tells_examples_from_controls(examples: pa.Table, explanations: list[Explanation]):
    ratings: dict[str, list] = {"interval": [], "control": []}
    for trial, verdicts in judged("specificity", ExampleSet.of(examples), labels_of(explanations)):
        for kind, verdict in zip(trial.kind, verdicts, strict=True):
            ratings[kind].append(verdict.value)
    assert np.mean(ratings["interval"]) > 2.7
    assert np.mean(ratings["control"]) < 1.2


def test_ratings_follow_the_distance_of_the_nearest_match():
    held = np.zeros(32, bool)
    held[10] = True
    starts, peaks = np.array([0, 32]), range(32)
    ratings = [int(ratings_of(RuleMatches(held, starts, np.array([peak]), []))[0]) for peak in peaks]
    assert ratings == [3 if p == 10 else 2 if abs(p - 10) <= 5 else 1 for p in peaks]
    assert ratings_of(RuleMatches(np.zeros(32, bool), starts, np.array([10]), [])).tolist() == [0]


def test_a_match_in_the_next_window_does_not_count():
    held = np.array([False] * 8 + [True] + [False] * 7)
    assert ratings_of(RuleMatches(held, np.array([0, 8, 16]), np.array([7, 0]), [])).tolist() == [0, 3]


def test_labels_are_made_of_explaining_examples_and_ratings_of_the_others(
    examples: pa.Table, background: dict[str, int]
):
    """Text of scoring examples is changed beyond recognition: no label moves."""
    rows = examples.to_pylist()
    for row in rows:
        if is_in_scoring_half(row["document_id"]):
            row["tokens"] = ["?"] * len(row["tokens"])
    changed = pa.Table.from_pylist(rows, schema=EXAMPLE)
    assert explain(changed, background) == explain(examples, background)


def test_the_order_of_rows_and_the_rest_of_the_features_mean_nothing(
    examples: pa.Table, explanations: list[Explanation], background: dict[str, int]
):
    shuffled = examples.take(np.random.default_rng(0).permutation(len(examples)))
    again = explain(shuffled, background)
    assert again == explanations
    assert all(e.row("m/r")["created_at"] is None for e in again), "a time would differ each run"


def test_a_feature_without_explaining_examples_has_a_label_without_a_score(tmp_path: Path):
    """Made from the windows there are, which then score nothing; another feature has a score by the same document."""
    contexts = [c for c in range(100) if is_in_scoring_half(f"d{c}")]
    others = [c for c in range(100) if not is_in_scoring_half(f"d{c}")]
    rows = [
        example(0, "interval", 0, [" x", " a"], 1.0, 0) | in_context(contexts[0]),
        example(0, "control", 0, [" y", " a"]) | in_context(contexts[1]),
        example(1, "interval", 0, [" x", " b"], 1.0, 0) | in_context(contexts[0]),
        example(1, "interval", 1, [" x", " c"], 1.0, 0) | in_context(others[0]),
        example(1, "control", 0, [" y", " b"]) | in_context(contexts[1]),
    ]
    material = FeatureData("m/r", pa.Table.from_pylist(rows, schema=EXAMPLE))
    settings = ExplanationSettings(explainer=offline_explainers())
    setup = LabelingSetup(settings, Folder(str(tmp_path)), "m/r")
    made = label_features(material, setup)
    labels = {(row["feature_id"], row["explainer"]): row for row in made.rows.to_pylist()}
    assert len(labels) == 4
    for (feature, _), row in labels.items():
        assert (row["status"], row["n_examples"]) == ("ok", 1)
        assert row["label"]
        assert (row["error"] or "").startswith("no score") == (feature == 0)
    rated = rate_labels(material, made.rows, setup).rows.to_pylist()
    assert {row["feature_id"] for row in rated} == {1}
    scores = score_labels(material, made.rows, pa.Table.from_pylist(rated), setup).rows.to_pylist()
    unscored = {row["explanation_id"] for row in labels.values() if row["feature_id"] == 0}
    assert scores
    assert not unscored & {row["explanation_id"] for row in scores}


def tape_of(windows: list[list[str]], position: int = 50) -> TokenWindows:
    strings = sorted({token for window in windows for token in window})
    starts = np.concatenate([[0], np.cumsum([len(window) for window in windows])])
    codes = np.array([strings.index(token) for window in windows for token in window], np.int32)
    return TokenWindows(TokenProperties.of(strings), codes, starts, np.full(len(windows), position))


@pytest.mark.parametrize(
    ("place", "window", "held"),
    [
        ("at line start", ["x", "\n    ", "if", " y"], [2]),
        ("at line start", ["x", "\n", "    ", "if", " y"], [3]),
        ("in # comments", ["x", " #", " note", "\n", "y"], [2, 3]),
        ("in quotes", ["f", "('", "a", "b", "'", ")"], [2, 3, 4]),
        ("inside words", [" Ex", "cept", "ion", ":", " a"], [1, 2]),
        ("among numbers", ["1", ",", " 2", ",", " 3", ",", "x"], [4, 5, 6]),
        ("in prose", [" the", " end", " of", " it", " all", ".", " So"], [4, 5, 6]),
    ],
)
def test_places_are_what_their_names_say(place: str, window: list[str], held: list[int]):
    decoy = ["#", "'", " the", "\n"]
    tape = tape_of([decoy, window, decoy])
    found = np.flatnonzero(tape.holds(Term("place", (place,)))[4 : 4 + len(window)])
    assert found.tolist() == held


def test_the_start_of_a_context_is_counted_from_its_position():
    tape = tape_of([["a"] * 6], position=1)
    assert tape.holds(Term("place", ("at the start of a context",))).tolist() == [True] * 3 + [False] * 3
    assert len(PLACES) == 7


def matches(tokens: list[str], label: str) -> list[int]:
    """Where a label of tokens alone holds, token by token."""
    wanted = parse_label(label).get("token")
    return [i for i, token in enumerate(tokens) if (token.strip() or token) in wanted]


REASONS = {0: "nowhere", 1: "more than 5 tokens", 2: "within 5 tokens", 3: "on the marked token"}


def slow_verdict(task: str, tokens: list[str], label: str, marks: tuple[int, ...]) -> int | bool | list[int]:
    """What the judge is to say of a window, by its rule for each task."""
    places = matches(tokens, label)
    if task == "detection":
        return bool(places)
    if task == "fuzzing":
        return sum(mark in places for mark in marks) >= len(marks) / 2
    if task == "simulation":
        return [10 if i in places else 0 for i in range(len(tokens))]
    nearest = min((abs(place - marks[0]) for place in places), default=99)
    return 3 if nearest == 0 else 2 if nearest <= 5 else 1 if places else 0


@pytest.mark.parametrize("task", list(TASKS))
def test_the_judge_agrees_with_a_token_by_token_reading(task: str):
    """Two labels of one feature and one of another, on windows of different lengths, several of them marked."""
    draw, rows = random.Random(1), []
    for i in range(500):
        length = draw.randint(12, 24)
        row = example(i % 2, draw.choice(["interval", "interval", "control"]), i, text(draw, length), 1.0)
        acts = [draw.choice([0.0, 0.0, 1.0]) for _ in range(length)]
        peak = draw.randrange(length)
        acts[peak] = 1.0
        fires = (
            {"interval_index": i % 10, "activations": acts}
            if row["kind"] == "interval"
            else {"activations": [0.0] * length}
        )
        rows.append(row | in_context(i) | {"peak": peak} | fires)
    gallery = ExampleSet.of(pa.Table.from_pylist(rows, schema=EXAMPLE))
    texts = [(0, "`None`, `==` or `return`"), (1, "`x`"), (0, "`if`, `for`, `in`, `x`, `=`, `y`, `(`, `)`, `.` or `:`")]
    seen = []
    for trial, verdicts in judged(task, gallery, [Label(said, feature, said) for feature, said in texts]):
        for row, marks, verdict in zip(trial.row_N.tolist(), trial.marked, verdicts, strict=True):
            assert verdict.value == slow_verdict(task, gallery.window(row)[0], trial.label.text, marks)
            assert type(verdict.value) is {"specificity": int, "simulation": list}.get(task, bool)
            if isinstance(verdict.value, int) and task == "specificity":
                assert REASONS[verdict.value] in (verdict.reason or "")
            seen.append(verdict.value)
    if task != "simulation":
        assert set(seen) == ({0, 1, 2, 3} if task == "specificity" else {False, True})


def test_blocks_of_trials_change_nothing_and_are_reported(
    examples: pa.Table, explanations: list[Explanation], monkeypatch: pytest.MonkeyPatch
):
    gallery = ExampleSet.of(examples)
    trials = list(fuzzing_trials(gallery, labels_of(explanations)))
    whole = LexicalJudge().judge(fuzzing.TASK, gallery, trials, no_progress)
    monkeypatch.setattr("models.autointerp.lexical.judge.TOGETHER", 5)
    told: list[tuple[int, int]] = []
    assert LexicalJudge().judge(fuzzing.TASK, gallery, trials, lambda done, total: told.append((done, total))) == whole
    assert told == [(5, 13), (10, 13), (13, 13)]
    assert LexicalJudge().judge(fuzzing.TASK, gallery, []) == ([], [])


def test_a_dead_feature_gets_no_row(background: dict[str, int]):
    rows = [example(7, "control", i, [" x", "y"], 0.0) for i in range(5)] + [
        example(8, "top", i, [" x", "y"], 1.0) for i in range(9)
    ]
    gallery = ExampleSet.of(pa.Table.from_pylist(rows, schema=EXAMPLE))
    assert [e.feature_id for e in LexicalExplainer(background).explain(ExplainerInputs(gallery), gallery.features)] == [
        8
    ]
