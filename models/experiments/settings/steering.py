"""Settings of steering by features."""

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, field_validator, model_validator

from models.bounds import Bounds, FeatureNumber
from models.experiments.settings_base import ExperimentSettings

if TYPE_CHECKING:
    from models.autointerp.config import ExplanationSettings

Baseline = Literal["random_feature", "random_direction", "mean_difference", "prompting"]


class SteeringSettings(ExperimentSettings):
    """Features of a dictionary are set, raised, scaled or switched off while the model writes on: what it writes, how
    likely the feature's concept becomes, how surprising and repetitive the text, beside the plain model and beside
    baselines. The best strength is chosen on every second group of prompts and reported on the others."""

    question = "What does the model write when a feature is turned up or off?"
    tables = ("steering_completion", "steering_effect", "steering_rating")
    prompt_kinds = ("prompts", "contrast_pairs", "chat")
    dictionary = "required"
    prompts_per_chunk = 2
    code_version = "2"
    feature_settings = ("features", "concepts")
    judge_prompts = ("steering_concept", "steering_instruction", "steering_fluency")
    not_by_hand = ("judge", "llm", "local_llm", "local_llm_revision", "budget_usd", "api_mode", "concurrency")

    features: list[FeatureNumber] = Field([], max_length=1000)
    """Features, each steered alone; none: the ten live ones that promote few tokens most sharply."""
    words: list[Annotated[str, Field(min_length=1)]] = Field([], max_length=1000)
    """In the place of `features`: for each of these texts the live feature that promotes its tokens most sharply, of
    which it is the concept. Numbers of features mean others when a dictionary is trained anew; words do not."""
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
    judge: Literal["none", "anthropic", "local"] = "none"
    """Who rates concept, instruction and fluency of each text from 0 to 2: nobody, `llm` over the Messages protocol, or
    `local_llm` in this process. Where somebody does, the harmonic mean of the three chooses the best strength."""
    llm: str | None = None
    """The model's name at the provider; required by `anthropic`."""
    local_llm: str | None = None
    """Folder or hub repository of a causal LM; required by `local`."""
    local_llm_revision: str | None = None
    """On the hub: branch, tag or commit; null is the default branch."""
    budget_usd: Annotated[float, Bounds(0, 1_000_000)] | None = None
    """Limit in dollars on what the ratings of this experiment cost; required by `anthropic`."""
    api_mode: Literal["live", "batch"] = "live"
    """`batch`: half the price, answers within a day."""
    concurrency: Annotated[int, Bounds(1, 1_024)] = 16
    """Requests in flight."""

    @field_validator("concepts")
    @classmethod
    def _of_features(cls, concepts: dict[str, str]) -> dict[str, str]:
        if wrong := [name for name, text in concepts.items() if not name.isdecimal() or not text.strip()]:
            raise ValueError(
                f'found {wrong[0]!r}, wanted the number of a feature and words, as {{"12": " river water"}}'
            )
        return concepts

    @model_validator(mode="after")
    def _words_or_features(self) -> "SteeringSettings":
        if self.words and (self.features or self.concepts):
            raise ValueError("`words` stand in the place of `features` and `concepts`: name the one or the others")
        return self

    @model_validator(mode="after")
    def _judge_can_be_asked(self) -> "SteeringSettings":
        self.judging()
        return self

    def judging(self) -> "ExplanationSettings | None":
        if self.judge == "none":
            return None
        from models.autointerp.config import ExplanationSettings

        return ExplanationSettings.model_validate({"scorers": (), **self.model_dump(include=set(self.not_by_hand))})
