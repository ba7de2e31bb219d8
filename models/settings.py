"""Validated values that a recipe is made of; torch-free, so that reading a recipe costs nothing."""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, NonNegativeFloat, PositiveFloat, PositiveInt, model_validator


class Settings(BaseModel):
    """A frozen value that refuses unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class SAESettings(Settings):
    """What fixes the shape of a dictionary."""

    architecture: Literal["topk"] = "topk"
    """Which file of `models/` builds it."""
    expansion: PositiveInt | None = None
    """Features per dimension of the site; or say `n_features`."""
    n_features: PositiveInt | None = None
    """Features in all; or say `expansion`."""
    k: PositiveInt = 32
    """Features kept per token: the L0 of every code."""

    @model_validator(mode="after")
    def _one_width(self) -> Self:
        if (self.expansion is None) == (self.n_features is None):
            raise ValueError(
                f"expansion={self.expansion} and n_features={self.n_features} were given: say exactly one of them"
            )
        if self.n_features is not None and self.k > self.n_features:
            raise ValueError(f"k={self.k} must lie in 1..n_features={self.n_features}")
        return self

    def width(self, d_in: int) -> int:
        """Number of features over a site of width `d_in`."""
        n_features = self.n_features or (self.expansion or 0) * d_in
        if self.k > n_features:
            raise ValueError(
                f"k={self.k} exceeds the {n_features} features that this dictionary gets: lower k or widen it"
            )
        return n_features


class TrainingSettings(Settings):
    """How a dictionary learns."""

    tokens: PositiveInt = 4_000_000
    """Training tokens seen in all, epochs counted."""
    batch: PositiveInt = 4096
    """Tokens a step."""
    learning_rate: Literal["auto"] | PositiveFloat = "auto"
    """Peak rate of Adam; `auto` follows from the width (see models/training.py)."""
    seed: int = 0
    dead_tokens: Literal["auto"] | PositiveInt = "auto"
    """A feature silent for so many tokens is revived by the auxiliary loss; `auto` is min(10 M, 5 % of the run)."""
    aux_coefficient: NonNegativeFloat = 1 / 32
    checkpoint_tokens: PositiveInt = 1_000_000
    """A checkpoint is kept every so many tokens."""
    matmul: Literal["auto", "float32", "bfloat16"] = "auto"
    """Precision of the encoder's product in training; weights stay float32. `auto`: bfloat16 where the device
    multiplies it natively."""


class StatisticsSettings(Settings):
    """What is counted and kept of every feature."""

    top: PositiveInt = 20
    intervals: PositiveInt = 10
    """Equal-width slices of (0, max activation]."""
    per_interval: PositiveInt = 5
    controls: PositiveInt = 20
    """Windows in which the feature does not fire."""
    window: PositiveInt = 32
    """Tokens around a peak that an example shows."""
    bins: PositiveInt = 50
    """Equal-width bins of the activation histogram over (0, max activation]."""
    effects: PositiveInt = 10
    """Tokens promoted, and as many suppressed, kept per feature."""
    neighbors: PositiveInt = 10
    """Nearest features kept, by decoder cosine and by co-activation."""
    keep_codes: bool = True
    """Whether the sparse codes stay in the store as `feature_activation`."""
    evaluation_tokens: PositiveInt = 65_536
    """Held-out tokens on which the metrics of `sae_metric` are measured, at most."""


class ExplanationSettings(Settings):
    """Who labels features, who rates the labels, and at what price."""

    explainer: Literal["lexical", "anthropic"] = "lexical"
    judge: Literal["lexical", "anthropic"] = "lexical"
    llm: str | None = None
    """Model name as the provider spells it; wanted where explainer or judge is `anthropic`."""
    features: Literal["all"] | PositiveInt = "all"
    """How many live features are labelled."""
    budget_usd: NonNegativeFloat | None = None
    """Hard limit on what this recipe spends on one model; wanted where an LLM is asked."""
    concurrency: PositiveInt = 16
    """Requests under way at once."""

    @property
    def asks_llm(self) -> bool:
        return "anthropic" in (self.explainer, self.judge)

    @model_validator(mode="after")
    def _llm_named(self) -> Self:
        if self.asks_llm and (self.llm is None or self.budget_usd is None):
            raise ValueError(
                f"explainer={self.explainer!r}, judge={self.judge!r} ask an LLM, but llm={self.llm!r} and "
                f"budget_usd={self.budget_usd!r}: name the LLM and a budget in dollars"
            )
        return self


class Bounds(Settings):
    """Limits that the asset checks hold the numbers to."""

    max_fvu: NonNegativeFloat = 0.5
    max_dead_fraction: NonNegativeFloat = 0.2
    min_ce_recovered: float = 0.8
