"""Does a label help a language model to foresee the text of the windows in which the feature fires?

Axes: N windows of a trial.
"""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from models.autointerp.example_set import ExampleSet
from models.autointerp.score_rows import auroc_rows
from models.autointerp.scorer import Scored, Scorer, ScorerInputs, read_trials
from models.autointerp.scorers.detection import detection_trials
from models.autointerp.tables import Progress, no_progress
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
    host: "HookedModel", gallery: ExampleSet, trials: Sequence[Trial], progress: Progress = no_progress
) -> pa.Table:
    """Area under the curve of how much less surprising a window is after its label, over trials of detection.

    Surprisal is the mean cross-entropy (nats a token) of the window after "Description: {label}" and a line break;
    what it is after a neutral description is taken off. Windows are tokenized anew from their text, by the tokenizer
    of this model.

    Source: the surprisal scorer of Paulo et al. 2024, "Automatically Interpreting Millions of Features in Large
    Language Models" (arXiv:2410.13928).

    Returns:
        A value for each trial.

    Raises:
        ValueError: If the model is no causal language model.
    """
    from models.language_model.surprisal import SurprisalReader

    if not host.is_causal:
        raise ValueError(f"{host.source} is an encoder and foresees no text: name a causal language model as local_llm")
    reader = SurprisalReader(host)
    by_feature = sorted(range(len(trials)), key=lambda i: trials[i].label.feature_id)  # labels of one share windows
    gains: list[np.ndarray] = [np.empty(0)] * len(trials)
    for first in range(0, len(trials), TOGETHER):
        some = by_feature[first : first + TOGETHER]
        rows = np.unique(np.concatenate([trials[i].row_N for i in some])).tolist()
        windows = {row: reader.tokens("".join(gallery.window(row)[0])) for row in rows}
        pairs = [(trials[i].label.text, windows[row]) for i in some for row in trials[i].row_N.tolist()]
        surprisals = reader.surprisals([(NEUTRAL, windows[row]) for row in rows] + pairs)
        neutral = dict(zip(rows, surprisals[: len(rows)], strict=True))
        said = iter(surprisals[len(rows) :])
        for i in some:
            gains[i] = np.array([neutral[row] - next(said) for row in trials[i].row_N.tolist()]).round(DECIMALS)
        progress(first + len(some), len(trials))
    return auroc_rows(trials, gains)


def _score(inputs: ScorerInputs, progress: Progress) -> Scored:
    assert inputs.host is not None, "surprisal reads with a language model"
    trials = detection_trials(inputs.gallery, inputs.labels, inputs.material.hard)
    return read_trials(partial(surprisal_scores, inputs.host()), trials, inputs, progress)


SCORER = Scorer(
    metrics={
        "auroc": "chance that the label makes a window with the feature less surprising by more than one without; "
        "0.5 is chance",
    },
    headline="auroc",
    score=_score,
    reads=("local_llm",),
)
