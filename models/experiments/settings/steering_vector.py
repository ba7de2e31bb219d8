"""Settings of steering vectors."""

from typing import Annotated, Literal

from pydantic import Field

from models.bounds import Bounds
from models.experiments.settings_base import ExperimentSettings


class SteeringVectorSettings(ExperimentSettings):
    """Directions of the stream behind blocks that separate prompts with a property from those without it, made from one
    part of the groups; what adding them does to the choice between two answers in the other part, beside shuffled
    labels and random directions; and which features of a dictionary they are made of."""

    question = "Which direction of the stream is a property, and does the model's answer follow it?"
    tables = ("direction", "direction_effect", "direction_feature")
    prompt_kinds = ("contrast_pairs", "labelled")
    dictionary = "optional"
    prompts_per_chunk = None
    code_version = "2"

    vectors: list[Literal["caa", "pca_difference", "mean_difference"]] | None = None
    """`caa`: mean difference of pairs at the last token. `pca_difference`: first principal component of the pairs'
    differences there. `mean_difference`: of the means over the texts' tokens. Null for all that the prompts allow."""
    positive: str | None = None
    """Of a labelled set: the label that a direction points to; null for that of the first row."""
    layers: list[Annotated[int, Bounds(0, 1000)]] | None = None
    """Blocks behind which the stream is read and steered; null for all."""
    alphas: list[Annotated[float, Bounds(-1000, 1000)]] = Field(
        [-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0], min_length=1, max_length=50
    )
    """Multiples of a direction that are added."""
    steered: Literal["last", "all"] = "last"
    """Whether the direction is added at a prompt's last token, whose answer is read, or at all of its tokens."""
    test_share: Annotated[float, Bounds(0.05, 0.9)] = 0.4
    """Share of the groups on which effects are measured."""
    top_features: Annotated[int, Bounds(1, 1000)] = 10
    """Features of largest cosine, in size, that are kept of each direction."""
