"""Settings of steering image classifiers."""

from typing import Annotated, Literal

from pydantic import Field

from models.bounds import Bounds, FeatureNumber
from models.experiments.settings_base import ExperimentSettings


class ImageSteeringSettings(ExperimentSettings):
    """Units of a vision model that classifies are set, raised, scaled or switched off at every place while it looks at
    images: how likely each class becomes, beside the plain model, random units set alike and random directions of the
    same length. The class that a unit promotes is chosen on half of the groups of images and reported on the others."""

    question = "Which class does the model see when a unit is turned up or off?"
    tables = ("image_steering_effect",)
    asks = "vision"
    prompt_kinds = ("images",)
    dictionary = "optional"
    feature_settings = ("units",)
    prompts_per_chunk = None

    site: str = ""
    """Site whose channels are meant, such as `resid_post.5`; empty where a `recipe` is named."""
    units: list[FeatureNumber] = Field([], max_length=1000)
    """Channels, or features of the recipe's dictionary, each steered alone."""
    classes: list[str] = Field([], max_length=100)
    """Classes that are reported beside the promoted one, by name or number."""
    kind: Literal["clamp", "min_clamp", "add", "scale", "ablate"] = "clamp"
    """What becomes of the activation f: `clamp` f' = c, `min_clamp` f' = max(f, c), `add` f' = f + c, `scale` f' =
    strength · f, `ablate` f' = 0."""
    strengths: list[Annotated[float, Bounds(-1000, 1000)]] = Field([1.0, 2.0, 4.0], min_length=1, max_length=100)
    """c in multiples of the unit's strongest activation: of a feature on the corpus, of a channel on the images;
    factors of `scale`; `ablate` has none."""
    random_units: Annotated[int, Bounds(0, 1000)] = 10
    """Baseline: other units, of a dictionary of like density, set to the same multiple of their own strongest."""
    random_directions: Annotated[int, Bounds(0, 1000)] = 10
    """Baseline: random directions, by which each place is moved as far as by the unit."""
