"""Settings of spurious correlation removal."""

from typing import Annotated

from pydantic import Field

from models.bounds import Bounds
from models.experiments.text_set_settings import TextSetSettings


class SpuriousRemovalSettings(TextSetSettings):
    """A probe learns a label from texts where a second label always goes with it, and is asked where it does not; then
    features of the second are taken out: how much of the bias goes, beside random features (SCR of SAEBench, after
    SHIFT). Both directions are measured; the one that the biased probe is worse at is the one that SAEBench reports."""

    question = "How much of a probe's bias goes when features of the spurious label are taken out?"
    tables = ("spurious_removal",)
    code_version = "2"

    labels: list[str] | None = Field(None, min_length=2, max_length=2)
    """The two labels that are told apart, where the set has more."""
    spurious_labels: list[str] | None = Field(None, min_length=2, max_length=2)
    """The two values of the column `spurious`, where it has more."""
    latents: list[Annotated[int, Bounds(1, 4096)]] = Field([2, 5, 10, 20, 50], min_length=1, max_length=12)
    """How many features are taken out."""
    penalty: Annotated[float, Bounds(1e-6, 100)] = 1e-2
    """Weight of |w|² / 2 beside the mean cross-entropy of the probes; the larger, the more the louder label wins."""
    random_draws: Annotated[int, Bounds(1, 100)] = 4
    """Sets of random features that are averaged over."""
