"""The embedding scorer: whether a label lies nearer to windows in which its feature fires than to others.

Axes: N windows of a trial, D width of an embedding.
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
    from models.language_model.sentence_encoder import SentenceEncoder

DECIMALS = 5
"""A smaller difference of cosines is one of rounding, and would break a tie by chance."""
TOGETHER = 256
"""Trials whose windows are encoded at a time, so that memory is bounded."""


def embedding_scores(
    encoder: "SentenceEncoder", gallery: ExampleSet, trials: Sequence[Trial], progress: Progress = no_progress
) -> pa.Table:
    """Does a label mean what the windows mean? Area under the curve of their cosine, over trials of detection.

    Source: the embedding scorer of Paulo et al. 2024, "Automatically Interpreting Millions of Features in Large
    Language Models" (arXiv:2410.13928).

    Returns:
        A value for each trial.
    """
    by_feature = sorted(range(len(trials)), key=lambda i: trials[i].label.feature_id)  # labels of one share windows
    cosines: list[np.ndarray] = [np.empty(0)] * len(trials)
    for first in range(0, len(trials), TOGETHER):
        some = by_feature[first : first + TOGETHER]
        rows, which_N = np.unique(np.concatenate([trials[i].row_N for i in some]), return_inverse=True)
        windows_ND = encoder.encode(["".join(gallery.window(row)[0]) for row in rows.tolist()])[which_N]
        labels_ND = encoder.encode([trials[i].label.text for i in some])
        ends = np.cumsum([len(trials[i].row_N) for i in some]).tolist()
        for i, label_D, a, b in zip(some, labels_ND, [0, *ends], ends, strict=False):
            cosines[i] = (windows_ND[a:b] @ label_D).numpy().round(DECIMALS)
        progress(first + len(some), len(trials))
    return auroc_rows(trials, cosines)


def _score(inputs: ScorerInputs, progress: Progress) -> Scored:
    from models.language_model.sentence_encoder import SentenceEncoder

    settings = inputs.askers.settings
    assert settings.sentence_encoder is not None
    encoder = SentenceEncoder.load(settings.sentence_encoder, settings.sentence_encoder_revision)
    trials = detection_trials(inputs.gallery, inputs.labels, inputs.material.hard)
    return read_trials(partial(embedding_scores, encoder), trials, inputs, progress)


SCORER = Scorer(
    metrics={
        "auroc": "chance that a window with the feature is nearer to the label, as an encoder reads both, than one "
        "without; 0.5 is chance",
    },
    headline="auroc",
    score=_score,
    needs=("sentence_encoder",),
)
