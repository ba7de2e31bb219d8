"""Settings of sparse probing of labelled texts."""

from typing import Annotated

from pydantic import Field

from models.bounds import Bounds
from models.experiments.text_set_settings import TextSetSettings


class SparseProbingSettings(TextSetSettings):
    """Each label of a text set is told from the others by a logistic regression on a few features of a dictionary, by
    one on the whole activation, and by controls: random features, and features chosen for shuffled labels. Features are
    chosen by their area under the ROC curve on training texts, or by their difference of means as SAEBench does; what
    is reported is of test texts, whose groups no choice has seen."""

    question = "How much do a few features say of a label, beside all that can be read off the activation?"
    tables = ("sparse_probe",)

    latents: list[Annotated[int, Bounds(1, 4096)]] = Field([1, 2, 5, 16], min_length=1, max_length=12)
    """How many features a probe reads."""
    labels: list[str] | None = None
    """Labels that are told from all others; null for each, or of two for the second alone."""
    penalties: list[Annotated[float, Bounds(1e-6, 100)]] = Field([1e-3, 1e-2, 1e-1, 1.0], min_length=1, max_length=10)
    """Weights of |w|² / 2 beside the mean cross-entropy; the best on groups set apart from training is taken."""
    random_draws: Annotated[int, Bounds(1, 1000)] = 8
    """Sets of random features that are averaged over."""
