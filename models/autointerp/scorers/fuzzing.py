"""The fuzzing test: told the label, does a judge know whether the marked tokens are those on which the feature fires?

Axes: N windows of a trial, S tokens of them one after another, M marks of all windows.
"""

from collections.abc import Iterable, Iterator
from itertools import chain

import numpy as np

from models.autointerp.example_set import ExampleSet
from models.autointerp.judge_task import RuleMatches, WindowTask, show_lit, show_marked
from models.autointerp.prompt_format import MARK_FROM
from models.autointerp.trial_runs import judged
from models.autointerp.trials import Judgement, Label, Trial, for_scoring, trial_of
from models.autointerp.yes_no import FIRES, yes_no, yes_no_metrics
from models.numerics.hash_sampling import hash_draw, hash_rank


def fuzzing_trials(gallery: ExampleSet, labels: Iterable[Label]) -> Iterator[Trial]:
    """Are the marked tokens those on which the feature fires?

    Right: half of the examples from the intervals, the tokens marked that reach `ON` times the window's maximum.
    Wrong: the other half, drawn by hash, with as many tokens marked on which the feature is silent (a window with
    too few of those is on the right side), and controls with as many arbitrary tokens marked as are right on average.
    """
    for label, examples, controls in for_scoring(gallery, labels):
        row_N = np.concatenate([examples, controls])
        wrong_N, marked = _marks(gallery, row_N, len(examples))
        kinds = np.where(
            np.arange(len(row_N)) >= len(examples), "control", np.where(wrong_N, "wrong_marks", "interval")
        )
        shown = zip(row_N.tolist(), marked, (kinds == "interval").tolist(), kinds.tolist(), strict=True)
        yield trial_of(gallery, label, shown)


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


def _holds_on_half(rules: RuleMatches) -> list[Judgement]:
    """Yes where a rule holds on at least half of the marked tokens."""
    n_marks_N = np.array([len(marks) for marks in rules.marked])
    window_M = np.repeat(np.arange(len(rules.marked)), n_marks_N)
    at_M = rules.start_N[window_M] + np.fromiter(chain.from_iterable(rules.marked), np.int64, len(window_M))
    hits_N = np.bincount(window_M[rules.held_S[at_M]], minlength=len(rules.marked))
    return [Judgement(holds) for holds in ((2 * hits_N >= n_marks_N) & (n_marks_N > 0)).tolist()]


TASK = WindowTask("fuzzing", FIRES, 250, show_marked, yes_no, _holds_on_half)
IMAGE_TASK = WindowTask("fuzzing", FIRES, 250, show_lit, yes_no, prompt_file="fuzzing_images")
SCORER = judged(
    TASK,
    lambda inputs: fuzzing_trials(inputs.examples, inputs.labels),
    yes_no_metrics,
    metrics={
        "balanced_accuracy": "the judge says whether the marked tokens are those that the feature fires on: mean "
        "of the shares of right and of wrong marks that it tells; 0.5 is chance",
        "f1": 'the same answers as F1 of "rightly marked"',
        "true_positive_rate": "share of the right marks that it accepts",
        "true_negative_rate": "share of the wrong marks that it refuses",
    },
    headline="balanced_accuracy",
    image_task=IMAGE_TASK,
)
