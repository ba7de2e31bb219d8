"""The detection test: told the label, does a judge know the windows in which the feature fires?"""

from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from models.autointerp.example_set import ExampleSet
from models.autointerp.judge_task import RuleMatches, WindowTask, show_marked, show_whole
from models.autointerp.trial_runs import judged
from models.autointerp.trials import Judgement, Label, ShownWindow, Trial, for_scoring, trial_of
from models.autointerp.yes_no import FIRES, yes_no, yes_no_metrics


def detection_trials(gallery: ExampleSet, labels: Iterable[Label], hard: Mapping[int, np.ndarray]) -> Iterator[Trial]:
    """Does the feature fire in the window? It does in examples from the intervals; not in controls and hard negatives.

    A hard negative from the context of a control is left out, for the two may show the same text.

    Args:
        gallery: The examples.
        labels: What is tried.
        hard: By feature the rows of other features in which it is silent (`hard_negatives`), of the scoring half.
    """
    contexts_R, none = gallery.column("context_id"), np.empty(0, np.int64)
    for label, examples, controls in for_scoring(gallery, labels):
        near = hard.get(label.feature_id, none)
        near = near[~np.isin(contexts_R[near], contexts_R[controls])]
        assert gallery.scores_R[near].all(), f"hard negatives of feature {label.feature_id} are not for scoring"
        shown: list[ShownWindow] = [(row, (), True, "interval") for row in examples.tolist()]
        shown += [(row, (), False, "control") for row in controls.tolist()]
        yield trial_of(gallery, label, [*shown, *((row, (), False, "hard") for row in near.tolist())])


def _holds_anywhere(rules: RuleMatches) -> list[Judgement]:
    """Yes where a rule holds on any token of the window."""
    total = np.concatenate([[0], np.cumsum(rules.held_S)])
    return [Judgement(holds) for holds in (total[rules.start_N[1:]] > total[rules.start_N[:-1]]).tolist()]


TASK = WindowTask("detection", FIRES, 250, show_marked, yes_no, _holds_anywhere)
IMAGE_TASK = WindowTask("detection", FIRES, 250, show_whole, yes_no, prompt_file="detection_images")
SCORER = judged(
    TASK,
    lambda inputs: detection_trials(inputs.examples, inputs.labels, inputs.material.hard),
    yes_no_metrics,
    metrics={
        "balanced_accuracy": "told the label, the judge says of whole windows whether the feature fires in them: "
        "mean of the shares of both kinds that it gets right; 0.5 is chance",
        "f1": 'the same answers as F1 of "fires"',
        "true_positive_rate": "share of the windows with the feature that it finds",
        "true_negative_rate": "share of the windows without the feature that it passes over",
        "true_negative_rate_hard": "the same, of windows in which other features of the dictionary fire",
    },
    headline="balanced_accuracy",
    image_task=IMAGE_TASK,
)
