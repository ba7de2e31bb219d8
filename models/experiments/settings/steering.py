"""Settings of steering by features."""

from typing import Annotated, Literal

from pydantic import Field, field_validator

from models.bounds import MOST_FEATURES, Bounds
from models.experiments.settings_base import ExperimentSettings

FeatureNumber = Annotated[int, Bounds(0, MOST_FEATURES)]
Baseline = Literal["random_feature", "random_direction", "mean_difference", "prompting"]


class SteeringSettings(ExperimentSettings):
    """Features of a dictionary are set, raised, scaled or switched off while the model writes on: what it writes, how
    likely the feature's concept becomes, how surprising and repetitive the text, beside the plain model and beside
    baselines. The best strength is chosen on every second group of prompts and reported on the others."""

    question = "What does the model write when a feature is turned up or off?"
    tables = ("steering_completion", "steering_effect")
    prompt_kinds = ("prompts", "contrast_pairs", "chat")
    dictionary = "required"
    prompts_per_chunk = 2
    code_version = "2"

    features: list[FeatureNumber] = Field([], max_length=1000)
    """Features, each steered alone; none: the ten live ones that promote few tokens most sharply."""
    concepts: dict[str, str] = Field({}, max_length=1000)
    """By feature, as in `{"12": " river water"}`, text that names its concept: its tokens are the target, and it is
    what `prompting` puts before a prompt. Left out: the tokens that the feature's decoder row promotes most."""
    kind: Literal["clamp", "min_clamp", "add", "scale", "ablate"] = "clamp"
    """What becomes of the activation f: `clamp` f' = c, `min_clamp` f' = max(f, c), `add` f' = f + c, `scale` f' =
    strength · f, `ablate` f' = 0."""
    strengths: list[Annotated[float, Bounds(-1000, 1000)]] = Field([3.0, 5.0, 10.0], min_length=1, max_length=100)
    """How strong c is, in `unit`; factors of `scale`; `ablate` has none."""
    unit: Literal["max_activation", "residual_norm"] = "max_activation"
    """c = strength × the feature's strongest activation on the corpus, or c = strength × the mean norm of what is
    edited."""
    tokens: Literal["all", "prompt", "generated"] = "all"
    """Which tokens are edited; special ones before the text never are."""
    new_tokens: Annotated[int, Bounds(1, 1000)] = 40
    """Tokens that are written at most."""
    temperature: Annotated[float, Bounds(0, 10)] = 0.0
    """0 takes the likeliest token each time."""
    baselines: list[Baseline] = Field(
        ["random_feature", "random_direction", "mean_difference", "prompting"], max_length=4
    )
    """What the feature is compared with: another live feature of like density set to the same value; a random direction
    that is added in the same amounts; the mean difference of contrast pairs likewise, where the prompts are such; the
    concept put before the prompt."""
    target_tokens: Annotated[int, Bounds(1, 1000)] = 10
    """Promoted tokens that stand for the concept of a feature that `concepts` does not name."""

    @field_validator("concepts")
    @classmethod
    def _of_features(cls, concepts: dict[str, str]) -> dict[str, str]:
        if wrong := [name for name, text in concepts.items() if not name.isdecimal() or not text.strip()]:
            raise ValueError(
                f'found {wrong[0]!r}, wanted the number of a feature and words, as {{"12": " river water"}}'
            )
        return concepts
