"""The embedding scorer: whether a label lies nearer to windows in which its feature fires than to others.

Axes: N windows of a trial, D width of an embedding.
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
    from models.language_model.sentence_encoder import SentenceEncoder

DECIMALS = 5
"""A smaller difference of cosines is one of rounding, and would break a tie by chance."""
TOGETHER = 256
"""Trials whose windows are encoded at a time, so that memory is bounded."""


def embedding_scores(
    encoder: "SentenceEncoder",
    examples: ExampleSet,
    trials: Iterable[Trial],
    progress: Progress = no_progress,
    total: int = 0,
) -> Scored:
    """Does a label mean what the windows mean? Area under the curve of their cosine, over trials of detection.

    Source: the embedding scorer of Paulo et al. 2024, "Automatically Interpreting Millions of Features in Large
    Language Models" (arXiv:2410.13928).

    Returns:
        A value for each trial, and the numbers that it is made of.
    """

    def cosines(block: Sequence[Trial]) -> list[np.ndarray]:
        rows, which_N = np.unique(np.concatenate([trial.row_N for trial in block]), return_inverse=True)
        windows_ND = encoder.encode(["".join(examples.window(row)[0]) for row in rows.tolist()])[which_N]
        labels_ND = encoder.encode([trial.label.text for trial in block])
        ends = np.cumsum([len(trial.row_N) for trial in block]).tolist()
        spans = zip(labels_ND, [0, *ends], ends, strict=False)
        return [(windows_ND[a:b] @ label_D).numpy().round(DECIMALS) for label_D, a, b in spans]

    return read_trials(cosines, examples, trials, TOGETHER, progress, total)


def _score(inputs: ScorerInputs, progress: Progress) -> Scored:
    from models.language_model.sentence_encoder import SentenceEncoder

    settings = inputs.setup.settings
    assert settings.sentence_encoder is not None
    encoder = SentenceEncoder.load(settings.sentence_encoder, settings.sentence_encoder_revision)
    trials = detection_trials(inputs.examples, inputs.labels, inputs.material.hard)
    return embedding_scores(encoder, inputs.examples, trials, progress, len(inputs.labels))


SCORER = Scorer(
    metrics={
        "auroc": "chance that a window with the feature is nearer to the label, as an encoder reads both, than one "
        "without; 0.5 is chance",
    },
    headline="auroc",
    score=_score,
    needs=("sentence_encoder",),
    reads=("sentence_encoder",),
)
