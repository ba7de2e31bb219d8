"""Settings of optimised images."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from models.bounds import Bounds, FeatureNumber
from models.experiments.settings_base import ExperimentSettings


class OptimisedImagesSettings(ExperimentSettings):
    """Images that are made by gradient ascent so that a feature, a channel or a direction is as active as can be: a few
    from different seeds each, in the Fourier basis with decorrelated colours, seen through random views."""

    question = "What would an image look like that a unit answers to most?"
    tables = ("optimised_image",)
    asks = "vision"
    prompt_kinds = ()
    dictionary = "optional"
    feature_settings = ("units",)
    prompts_per_chunk = 1

    site: str = ""
    """Site whose channels are meant, such as `resid_post.5`; empty where a `recipe` is named."""
    units: list[FeatureNumber] = Field([], max_length=10_000)
    """Channels, or features of the recipe's dictionary."""
    directions: dict[str, dict[str, Annotated[float, Bounds(-1e6, 1e6)]]] = Field({}, max_length=100)
    """Directions by name, each as weights of channels: `{both: {"3": 1, "17": 1}}`."""
    place: Literal["all", "middle"] = "all"
    """Whether the mean over all places is made large (a channel), or the value in the middle (a neuron)."""
    power: Annotated[int, Bounds(1, 2)] = 1
    """2 makes the mean square of a channel large: one that is linear answers to everything with a mean near zero."""
    cosine_power: Annotated[float, Bounds(0, 10)] = 0
    """Of directions: the power of the cosine that multiplies the product."""
    diversity: Annotated[float, Bounds(0, 1e6)] = 0
    """Weight, in the unit of the objective, of how much the images of a unit differ to its site."""
    images: Annotated[int, Bounds(1, 64)] = 4
    """Images of a unit, from seeds that follow the card's."""
    size: Annotated[int, Bounds(8, 2048)] = 128
    """Pixels of a side."""
    steps: Annotated[int, Bounds(1, 100_000)] = 512
    """Steps of Adam."""
    rate: Annotated[float, Bounds(1e-6, 10)] = 0.05
    """Adam's learning rate."""
    basis: Literal["fourier", "pixel"] = "fourier"
    """What the parameters are coefficients of."""
    decorrelated: bool = True
    """Whether colours are mixed from axes that are independent in photographs."""
    pad: Annotated[int, Bounds(0, 1024)] = 12
    """Pixels of grey around the image."""
    jitter: Annotated[int, Bounds(0, 1024)] = 8
    """Places that a view moves over before it is scaled and turned."""
    final_jitter: Annotated[int, Bounds(0, 1024)] = 4
    """Places that it moves over after that."""
    scales: list[Annotated[float, Bounds(0.1, 10)]] = Field(
        [0.9, 0.92, 0.94, 0.96, 0.98, 1.0, 1.02, 1.04, 1.06, 1.08, 1.1], min_length=1, max_length=100
    )
    """Enlargements that a view draws from."""
    angles: list[Annotated[float, Bounds(-180, 180)]] = Field(
        [*range(-10, 11), 0, 0, 0, 0, 0], min_length=1, max_length=1000
    )
    """Degrees that it is turned by, likewise."""
    variation: Annotated[float, Bounds(0, 1e9)] = 0
    """Weight of the mean step between neighbouring pixels, which is taken off: against the grid that patches leave."""

    @model_validator(mode="after")
    def _fits_together(self) -> "OptimisedImagesSettings":
        if wrong := [key for weights in self.directions.values() for key in weights if not key.isdecimal()]:
            raise ValueError(f'directions: found channel {wrong[0]!r}, wanted numbers, as {{"3": 1, "17": -1}}')
        if empty := [name for name, weights in self.directions.items() if not any(weights.values())]:
            raise ValueError(f"directions: {empty[0]} has no weight: name a channel")
        if self.jitter + self.final_jitter >= self.size + 2 * self.pad:
            raise ValueError(f"jitter of {self.jitter} and {self.final_jitter} leaves nothing of {self.size} pixels")
        return self
