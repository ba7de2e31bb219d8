"""Trials of labels: windows shown to a judge, what it is to say of them, and what would be right.

Windows are of the scoring half only and stand in the order of their ids, which are hashes: neither the order nor what
is drawn says anything about the truth, and both are the same on every run.

Axes: N windows of a trial.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from models.autointerp.example_set import ExampleSet
from models.autointerp.llm_client.request_ledger import LedgerAnswer
from models.autointerp.progress import Progress

if TYPE_CHECKING:
    from models.autointerp.judge_task import WindowTask


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
    """For each window the tokens between marks, counted from its first; none where the task marks none."""
    truth_N: np.ndarray
    """What is right to say where the answer is yes or no; tasks with other answers have their truth elsewhere."""
    kind: tuple[str, ...]
    """For each window: 'interval' (an example), 'control' (a window where the feature is silent), 'hard' (an example of
    a feature that is near, in which this one is silent) or 'wrong_marks' (an example, marked where it is silent)."""
    is_choosing_N: np.ndarray
    """Whether a window helps to choose among the feature's labels; the others report how good the chosen one is."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a judge says of one window, or why it says nothing: `value` is None exactly when `status` is not 'ok'."""

    value: float | bool | list[float] | None
    """Yes or no, a rating, or a number for each token: what the task asks for."""
    status: str = "ok"
    reason: str | None = None

    def __post_init__(self) -> None:
        assert (self.value is None) == (self.status != "ok"), self


class Judge(Protocol):
    """Says of each window of each trial what the task asks for; says besides what it asked an LLM."""

    name: str

    def judge(
        self, task: "WindowTask", gallery: ExampleSet, trials: Sequence[Trial], progress: Progress
    ) -> tuple[list[list[Judgement]], list[LedgerAnswer]]: ...


ShownWindow = tuple[int, tuple[int, ...], bool, str]
"""Row, marks, truth and kind."""


def for_scoring(gallery: ExampleSet, labels: Iterable[Label]) -> Iterator[tuple[Label, np.ndarray, np.ndarray]]:
    """Each label with the rows that it is scored on, where there are any: examples and controls."""
    for label in labels:
        row_N = gallery.for_scoring(label.feature_id)
        if len(row_N):
            is_control_N = gallery.is_control_R[row_N]
            yield label, row_N[~is_control_N], row_N[is_control_N]


def trial_of(gallery: ExampleSet, label: Label, shown: Iterable[ShownWindow]) -> Trial:
    ids = gallery.example_ids
    rows, marked, truth, kinds = zip(*sorted(shown, key=lambda one: ids[one[0]]), strict=True)
    row_N = np.array(rows, np.int64)
    is_choosing_N = gallery.choosing_half.of(label.feature_id, row_N)
    return Trial(label, row_N, marked, np.array(truth, bool), kinds, is_choosing_N)
