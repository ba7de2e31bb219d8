"""Settings of global weights."""

from typing import Annotated

from models.bounds import Bounds
from models.experiments.settings_base import ExperimentSettings


class GlobalWeightsSettings(ExperimentSettings):
    """Weights between transcoder features that hold on every prompt (Ameisen et al. 2025, global weights): what a
    feature writes to the stream, times the direction that a later one reads there. Most such weights are between
    features that never fire together, so that each is given with what it brings where both fire, averaged over the
    prompts' tokens in proportion to the later feature's activation. What attention carries to other positions is left
    out: attribution graphs have it."""

    question = "Which features of earlier blocks does a feature read, on whatever prompt?"
    tables = ("global_weight",)
    dictionary = "several"
    prompts_per_chunk = None
    not_by_hand = ("strongest",)

    strongest: Annotated[int, Bounds(1, 10_000)] = 10
    """Sources of each feature that are kept, and targets of each."""
