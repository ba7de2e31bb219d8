"""Who labels features, who judges the labels, what they are shown, and at what price."""

from typing import Annotated, Literal, Self

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveInt, model_validator

from models.config_base import Settings

LabelerName = Literal["lexical", "anthropic", "local"]
PromptName = Literal["activations", "logits", "contrastive"]
ScorerName = Literal["detection", "fuzzing", "simulation", "embedding", "surprisal", "output"]


class ExplanationSettings(Settings):
    """Labels of one recipe: explainers, judge, scorers, budget."""

    explainer: LabelerName | tuple[LabelerName, ...] = "lexical"
    """`lexical` needs nothing; `anthropic` asks `llm` over the Messages protocol; `local` asks `local_llm` in this
    process. Several give several labels a feature."""
    prompt_variants: tuple[PromptName, ...] = ("activations",)
    """What an LLM that explains is shown besides the windows: nothing, the logits, or near misses. A label for each."""
    example_selection: Literal["intervals", "top"] = "intervals"
    """Which windows an explainer is shown: from all strengths, or the strongest alone."""
    judge: LabelerName = "lexical"
    scorers: tuple[ScorerName, ...] = ("detection", "fuzzing")
    """Tests that each label is put to besides its specificity."""
    llm: str | None = None
    """Model name as the provider spells it; wanted where `anthropic` is asked."""
    local_llm: str | None = None
    """Folder or hub repository of a causal LM; wanted where `local` is asked, and read by the scorer `surprisal`."""
    local_llm_revision: str | None = None
    """Branch, tag or commit on the hub; null takes the default branch, and a folder has none."""
    sentence_encoder: str | None = None
    """Folder or hub repository of a sentence encoder; wanted by the scorer `embedding`, and makes search know
    meanings."""
    sentence_encoder_revision: str | None = None
    """The same of the sentence encoder."""
    features: Literal["all"] | PositiveInt | tuple[NonNegativeInt, ...] = "all"
    """Which live features are labelled: all, how many, or these."""
    priority: Literal["max_activation", "density", "neighbors"] = "max_activation"
    """Which come first when not all do: the strongest, the most frequent, or those nearest to the ones asked for."""
    features_per_request: Annotated[int, Field(ge=1, le=50)] = 1
    """Features in one question to an LLM."""
    api_mode: Literal["live", "batch"] = "live"
    """`batch`: half the price, answers within a day."""
    budget_usd: NonNegativeFloat | None = None
    """Hard limit on what this recipe spends on one model; wanted where `anthropic` is asked."""
    concurrency: PositiveInt = 16
    """Requests under way at once."""

    @property
    def explainers(self) -> tuple[LabelerName, ...]:
        return (self.explainer,) if isinstance(self.explainer, str) else self.explainer

    @property
    def asked(self) -> set[str]:
        return {*self.explainers, self.judge}

    @property
    def asks_llm(self) -> bool:
        """Whether a provider is asked, for money."""
        return "anthropic" in self.asked

    @property
    def sends_prompts(self) -> bool:
        return bool(self.asked & {"anthropic", "local"})

    @model_validator(mode="after")
    def _all_named(self) -> Self:
        if self.asks_llm and (self.llm is None or self.budget_usd is None):
            raise ValueError(
                f"explainer={self.explainer!r}, judge={self.judge!r} ask an LLM, but llm={self.llm!r} and "
                f"budget_usd={self.budget_usd!r}: name the LLM and a budget in dollars"
            )
        if "local" in self.asked and self.local_llm is None:
            raise ValueError(
                f"explainer={self.explainer!r}, judge={self.judge!r} ask a local model: name it by local_llm"
            )
        if "embedding" in self.scorers and self.sentence_encoder is None:
            raise ValueError(
                "the scorer embedding wants a sentence encoder: name it by sentence_encoder, or leave the scorer out"
            )
        if "output" in self.scorers and self.judge == "lexical":
            raise ValueError("the scorer output wants a judge that reads lists of tokens: lexical reads windows only")
        return self

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        for name in ("explainers", "prompt_variants", "scorers"):
            given = getattr(self, name)
            if len(set(given)) < len(given):
                raise ValueError(f"{name.removesuffix('s')}: {', '.join(given)} names one twice: keep one of them")
        if not self.explainers or not self.prompt_variants:
            raise ValueError("an explainer and a prompt variant are wanted: name at least one of each")
        return self
