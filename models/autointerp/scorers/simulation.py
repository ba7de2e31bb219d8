"""The simulation test: told the label, does a judge foretell how strongly the feature fires on each token?

Axes: N windows of all trials one after another, L trials, S tokens of the windows one after another.
"""

from collections.abc import Iterable, Iterator
from itertools import chain, pairwise
from typing import Any

import numpy as np

from models.autointerp.answer_schemas import AnswerSchema, one_of, schema_of
from models.autointerp.example_set import ExampleSet
from models.autointerp.judge_task import RuleMatches, WindowTask
from models.autointerp.prompt_format import numbered
from models.autointerp.score_rows import JudgedWindows, LabelMetric
from models.autointerp.trial_runs import judged
from models.autointerp.trials import Judgement, Label, ShownWindow, Trial, for_scoring, trial_of
from models.numerics.clustered_intervals import Clusters
from models.numerics.metrics_with_ci import pearson, spearman

STRENGTHS = range(1, 11)
TOGETHER = 512
"""Trials whose tokens are held at once."""
_ACTIVE = {
    "type": "array",
    "items": schema_of(at={"type": "integer"}, strength={"type": "integer", "enum": list(STRENGTHS)}),
}


def _strengths(active: Any) -> dict[int, int]:
    return {int(item["at"]): one_of(item["strength"], STRENGTHS) for item in active}


def simulation_trials(gallery: ExampleSet, labels: Iterable[Label]) -> Iterator[Trial]:
    """How strongly does the feature fire on each token? Examples from the intervals and controls."""
    for label, examples, controls in for_scoring(gallery, labels):
        shown: list[ShownWindow] = [(row, (), False, "interval") for row in examples.tolist()]
        yield trial_of(gallery, label, [*shown, *((row, (), False, "control") for row in controls.tolist())])


def simulation_metrics(gallery: ExampleSet, windows: JudgedWindows) -> list[LabelMetric]:
    """Correlation of strengths with activations over the tokens of all windows of a label."""
    said_N = windows.said_N
    row_N = windows.row_N[said_N]
    length_N = gallery.start_R[row_N + 1] - gallery.start_R[row_N]
    assert length_N.tolist() == [len(value) for value in windows.values], "a strength for each token"
    at_S = np.arange(length_N.sum()) + np.repeat(gallery.start_R[row_N] - (np.cumsum(length_N) - length_N), length_N)
    trial_S, group_S = (np.repeat(of_N[said_N], length_N) for of_N in (windows.trial_N, windows.group_N))
    strength_S = np.fromiter(chain.from_iterable(windows.values), np.float32, len(at_S))
    pairs = (Clusters(trial_S, group_S, windows.n_trials), strength_S, gallery.activation_S[at_S])
    n_L, failed_L = windows.count(said_N), windows.count(~said_N)
    measures = {"pearson": pearson, "spearman": spearman}
    return [LabelMetric(name, measure(*pairs), n_L, failed_L) for name, measure in measures.items()]


def _shown(gallery: ExampleSet, trial: Trial, place: int) -> str:
    return numbered(gallery.window(int(trial.row_N[place]))[0])


def _judgement(said: dict[int, int], n_tokens: int) -> Judgement:
    return Judgement([float(said.get(i, 0)) for i in range(n_tokens)])


def _ten_where_it_holds(rules: RuleMatches) -> list[Judgement]:
    """A strength of 10 where a rule holds, else 0."""
    strengths, edges = (rules.held_S * 10).tolist(), rules.start_N.tolist()
    return [Judgement(strengths[a:b]) for a, b in pairwise(edges)]


TASK = WindowTask(
    "simulation",
    AnswerSchema("windows", {"active": _ACTIVE}, lambda item: _strengths(item["active"])),
    450,
    _shown,
    _judgement,
    _ten_where_it_holds,
)
SCORER = judged(
    TASK,
    lambda inputs: simulation_trials(inputs.examples, inputs.labels),
    simulation_metrics,
    metrics={
        "pearson": "correlation of the strength that the judge foretells for each token with the activation there; "
        "0 is chance",
        "spearman": "the same, of their ranks",
    },
    headline="pearson",
    together=TOGETHER,
)
