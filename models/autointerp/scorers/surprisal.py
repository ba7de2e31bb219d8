"""Does a label help a language model to foresee the text of the windows in which the feature fires?

Axes: N windows of a trial.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from models.autointerp.example_set import ExampleSet
from models.autointerp.progress import Progress, no_progress
from models.autointerp.scorer import Scored, Scorer, ScorerInputs
from models.autointerp.scorers.detection import detection_trials
from models.autointerp.trial_runs import read_trials
from models.autointerp.trials import Trial

if TYPE_CHECKING:
    from models.language_model.hooked_model import HookedModel

NEUTRAL = "text of any kind, from anywhere"
"""Stands for the label where nothing is said."""
TOGETHER = 64
"""Trials that are read at a time."""
DECIMALS = 4
"""A smaller difference of surprisals is one of rounding, and would break a tie by chance."""


def surprisal_scores(
    host: "HookedModel",
    examples: ExampleSet,
    trials: Iterable[Trial],
    progress: Progress = no_progress,
    total: int = 0,
) -> Scored:
    """Area under the curve of how much less surprising a window is after its label, over trials of detection.

    Surprisal is the mean cross-entropy (nats a token) of the window after "Description: {label}" and a line break;
    what it is after a neutral description is taken off. Windows are tokenized anew from their text, by the tokenizer
    of this model.

    Source: the surprisal scorer of Paulo et al. 2024, "Automatically Interpreting Millions of Features in Large
    Language Models" (arXiv:2410.13928).

    Returns:
        A value for each trial, and the numbers that it is made of.

    Raises:
        ValueError: If the model is no causal language model.
    """
    from models.language_model.surprisal import SurprisalReader

    if not host.is_causal:
        raise ValueError(f"{host.source} is an encoder and foresees no text: name a causal language model as local_llm")
    reader = SurprisalReader(host)

    def gains(block: Sequence[Trial]) -> list[np.ndarray]:
        rows = np.unique(np.concatenate([trial.row_N for trial in block])).tolist()
        windows = {row: reader.tokens("".join(examples.window(row)[0])) for row in rows}
        pairs = [(trial.label.text, windows[row]) for trial in block for row in trial.row_N.tolist()]
        surprisals = reader.surprisals([(NEUTRAL, windows[row]) for row in rows] + pairs)
        neutral = dict(zip(rows, surprisals[: len(rows)], strict=True))
        after_label = iter(surprisals[len(rows) :])
        return [
            np.array([neutral[row] - next(after_label) for row in trial.row_N.tolist()]).round(DECIMALS)
            for trial in block
        ]

    return read_trials(gains, examples, trials, TOGETHER, progress, total)


def _score(inputs: ScorerInputs, progress: Progress) -> Scored:
    assert inputs.host is not None, "surprisal reads with a language model"
    trials = detection_trials(inputs.examples, inputs.labels, inputs.material.hard)
    return surprisal_scores(inputs.host(), inputs.examples, trials, progress, len(inputs.labels))


SCORER = Scorer(
    metrics={
        "auroc": "chance that the label makes a window with the feature less surprising by more than one without; "
        "0.5 is chance",
    },
    headline="auroc",
    score=_score,
    reads=("local_llm",),
)
