"""Settings of targeted probe perturbation."""

from typing import Annotated

from pydantic import Field

from models.bounds import Bounds
from models.experiments.text_set_settings import TextSetSettings


class TargetedPerturbationSettings(TextSetSettings):
    """Of each label of a text set the features that its probe goes by are taken out of the texts: how much accuracy its
    own probe loses, and how much the other labels' probes do, beside random features (TPP of SAEBench). A dictionary
    whose features are about one thing each takes one label away and leaves the others."""

    question = "Can one label be taken out feature by feature and the others stay?"
    tables = ("targeted_perturbation",)
    code_version = "2"

    latents: list[Annotated[int, Bounds(1, 4096)]] = Field([2, 5, 10, 20, 50], min_length=1, max_length=12)
    """How many features are taken out."""
    penalty: Annotated[float, Bounds(1e-6, 100)] = 1e-2
    """Weight of |w|² / 2 beside the mean cross-entropy of the probes."""
    random_draws: Annotated[int, Bounds(1, 100)] = 4
    """Sets of random features that are averaged over."""
