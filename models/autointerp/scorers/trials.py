"""Trials of labels: windows shown to a judge, what it is to say of them, and what would be right.

Windows are of the scoring half only and stand in the order of their ids, which are hashes: neither the order nor what
is drawn says anything about the truth, and both are the same on every run.

Axes: N windows of a trial, S tokens of them one after another.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import numpy as np
import pyarrow as pa

from models.autointerp.example_set import ExampleSet
from models.autointerp.llm_client.request_ledger import LedgerAnswer
from models.autointerp.prompt_format import MARK_FROM
from models.autointerp.tables import Progress
from models.numerics.hash_sampling import hash_draw, hash_rank

TOKENS_SHOWN = 10
"""Promoted tokens that an option lists."""


@dataclass(frozen=True, slots=True)
class Label:
    """What an explainer said of a feature."""

    explanation_id: str
    feature_id: int
    text: str


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """The windows that one label is tried on."""

    label: Label
    row_N: np.ndarray
    """Rows of the gallery, in the order in which they are shown."""
    marked: tuple[tuple[int, ...], ...]
    """For each window the tokens between marks, counted from its first; none in detection and simulation."""
    truth_N: np.ndarray
    """Detection and fuzzing: what is right to say. The other tasks have their truth elsewhere; False there."""
    kind: tuple[str, ...]
    """For each window: 'interval' (an example), 'control' (a window where the feature is silent), 'hard' (an example of
    a feature that is near, in which this one is silent) or 'wrong_marks' (an example, marked where it is silent)."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a judge says of one window, or why it says nothing: `value` is None exactly when `status` is not 'ok'."""

    value: int | bool | list[float] | None
    """Specificity: 0 to 3. Detection, fuzzing: yes or no. Simulation: a strength from 0 to 10 for each token."""
    status: str = "ok"
    reason: str | None = None

    def __post_init__(self) -> None:
        assert (self.value is None) == (self.status != "ok"), self


@dataclass(frozen=True, slots=True)
class OutputTrial:
    """Which of several lists of promoted tokens belongs to the label; `right` is its place."""

    label: Label
    options: tuple[tuple[str, ...], ...]
    right: int


class Judge(Protocol):
    """Says of each window of each trial what the task asks for; says besides what it asked an LLM."""

    name: str

    def judge(
        self, task: str, gallery: ExampleSet, trials: Sequence[Trial], progress: Progress
    ) -> tuple[list[list[Judgement]], list[LedgerAnswer]]: ...


_Shown = tuple[int, tuple[int, ...], bool, str]
"""Row, marks, truth and kind."""


def specificity_trials(gallery: ExampleSet, labels: Iterable[Label]) -> Iterator[Trial]:
    """Examples from the intervals and controls, each with its peak marked; a control's peak is an arbitrary token.

    Here as in the other builders, a label whose feature has no window for scoring has no trial.
    """
    for label, examples, controls in _rated(gallery, labels):
        kinds = ["interval"] * len(examples) + ["control"] * len(controls)
        row_N = np.concatenate([examples, controls])
        places = zip(row_N.tolist(), gallery.peak_R[row_N].tolist(), kinds, strict=True)
        yield _trial(gallery, label, [(row, (peak,), False, kind) for row, peak, kind in places])


def detection_trials(gallery: ExampleSet, labels: Iterable[Label], hard: Mapping[int, np.ndarray]) -> Iterator[Trial]:
    """Does the feature fire in the window? It does in examples from the intervals; not in controls and hard negatives.

    A hard negative from the context of a control is left out, for the two may show the same text.

    Args:
        gallery: The examples.
        labels: What is tried.
        hard: By feature the rows of other features in which it is silent (`hard_negatives`), of the scoring half.
    """
    contexts_R, none = gallery.column("context_id"), np.empty(0, np.int64)
    for label, examples, controls in _rated(gallery, labels):
        near = hard.get(label.feature_id, none)
        near = near[~np.isin(contexts_R[near], contexts_R[controls])]
        assert gallery.scores_R[near].all(), f"hard negatives of feature {label.feature_id} are not for scoring"
        shown: list[_Shown] = [(row, (), True, "interval") for row in examples.tolist()]
        shown += [(row, (), False, "control") for row in controls.tolist()]
        yield _trial(gallery, label, [*shown, *((row, (), False, "hard") for row in near.tolist())])


def fuzzing_trials(gallery: ExampleSet, labels: Iterable[Label]) -> Iterator[Trial]:
    """Are the marked tokens those on which the feature fires?

    Right: half of the examples from the intervals, the tokens marked that reach `ON` times the window's maximum.
    Wrong: the other half, drawn by hash, with as many tokens marked on which the feature is silent (a window with
    too few of those is on the right side), and controls with as many arbitrary tokens marked as are right on average.
    """
    for label, examples, controls in _rated(gallery, labels):
        row_N = np.concatenate([examples, controls])
        wrong_N, marked = _marks(gallery, row_N, len(examples))
        kinds = np.where(
            np.arange(len(row_N)) >= len(examples), "control", np.where(wrong_N, "wrong_marks", "interval")
        )
        shown = zip(row_N.tolist(), marked, (kinds == "interval").tolist(), kinds.tolist(), strict=True)
        yield _trial(gallery, label, shown)


def simulation_trials(gallery: ExampleSet, labels: Iterable[Label]) -> Iterator[Trial]:
    """How strongly does the feature fire on each token? Examples from the intervals and controls."""
    for label, examples, controls in _rated(gallery, labels):
        shown: list[_Shown] = [(row, (), False, "interval") for row in examples.tolist()]
        yield _trial(gallery, label, [*shown, *((row, (), False, "control") for row in controls.tolist())])


def choices(labels: Iterable[Label], effects: pa.Table, n_options: int = 4) -> Iterator[OutputTrial]:
    """Which tokens does the feature promote? Its own, or those of other features, labelled or not, drawn by hash: a
    label more changes no other's choice.

    No two options hold the same tokens. A label whose feature promotes nothing has no choice, and none has one where
    fewer than `n_options` lists of tokens differ.

    Args:
        labels: What is tried.
        effects: Rows of `logit_effect`; the first `TOKENS_SHOWN` that are promoted are shown.
        n_options: Options of a choice, the right one among them.
    """
    promoted = _promoted(effects)
    pool = list({frozenset(tokens): tokens for _, tokens in sorted(promoted.items())}.values())
    for label in labels:
        if label.feature_id not in promoted or len(pool) < n_options:
            continue
        own = promoted[label.feature_id]
        others: list[tuple[str, ...]] = []
        seen, attempt = {frozenset(own)}, 0
        while len(others) < n_options - 1:
            drawn = pool[hash_rank(f"{label.explanation_id}\0{attempt}", "distractor") % len(pool)]
            attempt += 1
            if frozenset(drawn) not in seen:
                seen.add(frozenset(drawn))
                others.append(drawn)
        right = hash_rank(label.explanation_id, "right place") % n_options
        yield OutputTrial(label, (*others[:right], own, *others[right:]), right)


def _promoted(effects: pa.Table) -> dict[int, tuple[str, ...]]:
    """The promoted tokens of each feature, the strongest first."""
    positive = np.array(effects["direction"].to_pylist(), dtype=str) == "positive"
    table = effects.filter(pa.array(positive)).sort_by([("feature_id", "ascending"), ("rank", "ascending")])
    tokens = table["token"].to_pylist()
    features, first = np.unique(table["feature_id"].to_numpy(), return_index=True)
    spans = pairwise([*first.tolist(), len(tokens)])
    return {
        feature: tuple(tokens[a : min(b, a + TOKENS_SHOWN)])
        for feature, (a, b) in zip(features.tolist(), spans, strict=True)
    }


def _rated(gallery: ExampleSet, labels: Iterable[Label]) -> Iterator[tuple[Label, np.ndarray, np.ndarray]]:
    """Each label with the rows that it is scored on, where there are any: examples and controls."""
    for label in labels:
        row_N = gallery.for_scoring(label.feature_id)
        if len(row_N):
            is_control_N = gallery.is_control_R[row_N]
            yield label, row_N[~is_control_N], row_N[is_control_N]


def _trial(gallery: ExampleSet, label: Label, shown: Iterable[_Shown]) -> Trial:
    ids = gallery.example_ids
    rows, marked, truth, kinds = zip(*sorted(shown, key=lambda one: ids[one[0]]), strict=True)
    return Trial(label, np.array(rows, np.int64), marked, np.array(truth, bool), kinds)


def _marks(gallery: ExampleSet, row_N: np.ndarray, n_examples: int) -> tuple[np.ndarray, list[tuple[int, ...]]]:
    """Which of some windows, examples and then controls, are marked wrongly on purpose, and the marks of each."""
    length_N = gallery.start_R[row_N + 1] - gallery.start_R[row_N]
    first_N = np.cumsum(length_N) - length_N
    of_S = np.repeat(np.arange(len(row_N)), length_N)
    at_S = np.arange(len(of_S)) - first_N[of_S]
    act_S = gallery.activation_S[gallery.start_R[row_N][of_S] + at_S]
    silent_S = act_S <= 0
    on_S = ~silent_S & (act_S >= MARK_FROM * np.maximum.reduceat(act_S, first_N)[of_S])
    n_on_N, n_silent_N = (np.bincount(of_S[flag_S], minlength=len(row_N)) for flag_S in (on_S, silent_S))

    lot_N = np.array([hash_rank(gallery.example_ids[row], "fuzzing") for row in row_N.tolist()], np.int64)
    drawn = np.argsort(lot_N[:n_examples])
    wrong_N = np.zeros(len(row_N), bool)
    wrong_N[drawn[n_silent_N[drawn] >= n_on_N[drawn]][: n_examples // 2]] = True
    control_N = np.arange(len(row_N)) >= n_examples
    right_N = ~control_N & ~wrong_N

    usual = max(1, int(n_on_N[right_N].mean() + 0.5)) if right_N.any() else 1
    n_marks_N = np.where(control_N, np.minimum(usual, length_N), n_on_N)
    may_S = np.where(right_N[of_S], on_S, control_N[of_S] | silent_S)
    order_S = np.lexsort((hash_draw(lot_N[of_S], at_S, 0), ~may_S, of_S))
    marked_S = np.zeros(len(of_S), bool)
    marked_S[order_S[at_S < n_marks_N[of_S]]] = True
    at, ends = at_S[marked_S].tolist(), np.cumsum(n_marks_N).tolist()
    return wrong_N, [tuple(at[a:b]) for a, b in zip([0, *ends], ends, strict=False)]
