"""Settings of steering behind several blocks at once."""

from typing import Annotated, Literal

from pydantic import Field

from models.bounds import Bounds
from models.experiments.settings_base import ExperimentSettings


class LayeredSteeringSettings(ExperimentSettings):
    """A direction behind each block is made from one part of the groups of prompts; how strongly each is added is
    searched on a second part, for one block alone and for all together; what both do is reported on the third, beside
    directions of shuffled labels and random ones that are searched alike."""

    question = "How strongly should each block be steered, all together, and is it better than the best block alone?"
    tables = ("layered_steering_effect", "layered_steering_strength")
    prompt_kinds = ("contrast_pairs", "labelled")
    prompts_per_chunk = None
    code_version = "2"

    vector: Literal["caa", "pca_difference", "mean_difference"] = "mean_difference"
    """How a direction is made, as in `steering_vector`; the first two need pairs."""
    positive: str | None = None
    """Of a labelled set: the label that a direction points to; null for that of the first row."""
    layers: list[Annotated[int, Bounds(0, 1000)]] | None = Field(None, min_length=2)
    """Blocks behind which the stream is steered; null for all."""
    most_strength: Annotated[float, Bounds(1e-3, 1000)] = 4.0
    """Strengths are searched between ± this multiple of each direction."""
    steered: Literal["last", "all"] = "last"
    """Whether directions are added at a prompt's last token, whose answer is read, or at all of its tokens."""
    test_share: Annotated[float, Bounds(0.05, 0.9)] = 0.6
    """Share of the groups that no direction is made from: every second one of them chooses strengths, on the others
    effects are measured."""
    iterations: Annotated[int, Bounds(1, 1000)] = 25
    """Steps of each search at most; a step costs one pass, forward and backward, or a few."""
