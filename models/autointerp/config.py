"""Who labels features, who judges the labels, what they are shown, and at what price."""

import pkgutil
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, model_validator

import models.autointerp.explainers
from models.bounds import MOST_FEATURES, Bounds, FeatureCount
from models.config_base import Settings

JudgeName = Literal["lexical", "anthropic", "local"]
ASKS_LLM = ("anthropic", "local")
PromptName = Literal["activations", "logits", "contrastive"]


def offline_explainers() -> tuple[str, ...]:
    """Every explainer that asks no LLM: a new one is one more file in `models/autointerp/explainers`."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(models.autointerp.explainers.__path__)))


def _known_explainer(name: str) -> str:
    if name not in (known := (*offline_explainers(), *ASKS_LLM)):
        raise ValueError(f"{name!r} is no explainer: there are {', '.join(known)}")
    return name


def _known_scorer(name: str) -> str:
    from models.autointerp.scorer import scorer_names, scorer_of, scorers_of_every_label

    if name not in scorer_names():
        known = [scorer for scorer in scorer_names() if scorer not in scorers_of_every_label()]
        raise ValueError(f"{name!r} is no scorer: there are {', '.join(known)}")
    if scorer_of(name).of_every_label:
        raise ValueError(f"every label is put to {name}, whatever the recipe names: leave it out")
    return name


ExplainerName = Annotated[str, AfterValidator(_known_explainer)]
"""`anthropic`, `local`, or a file of `models/autointerp/explainers/`."""
ScorerName = Annotated[str, AfterValidator(_known_scorer)]
"""A file of `models/autointerp/scorers/`, but those that every label is put to."""
FeatureId = Annotated[int, Bounds(0, MOST_FEATURES - 1)]


class ExplanationSettings(Settings):
    """Labels of one recipe: explainers, judge, scorers, budget."""

    explainer: ExplainerName | tuple[ExplainerName, ...] = "lexical"
    """`lexical` (a rule) and `top_tokens` need nothing; `anthropic` asks `llm` over the Messages protocol; `local` asks
    `local_llm` in this process. Several give several labels a feature."""
    prompt_variants: tuple[PromptName, ...] = ("activations",)
    """What an LLM sees besides windows: nothing (activations), the logits, or near misses (contrastive). One label
    for each."""
    example_selection: Literal["intervals", "top"] = "intervals"
    """Windows that an explainer sees: from all activation intervals, or the top-activating only."""
    judge: JudgeName = "lexical"
    """Who rates and tests the labels."""
    scorers: tuple[ScorerName, ...] = ("detection", "fuzzing")
    """Tests of each label besides its specificity: files of `models/autointerp/scorers/`."""
    llm: str | None = None
    """The model's name at the provider; required by `anthropic`."""
    local_llm: str | None = None
    """Folder or hub repository of a causal LM; required by `local` and by the scorer `surprisal`."""
    local_llm_revision: str | None = None
    """On the hub: branch, tag or commit; null is the default branch."""
    sentence_encoder: str | None = None
    """Folder or hub repository of a sentence encoder; required by the scorer `embedding` and by search by
    meaning."""
    sentence_encoder_revision: str | None = None
    """On the hub: branch, tag or commit; null is the default branch."""
    features: Literal["all"] | FeatureCount | tuple[FeatureId, ...] = "all"
    """Live features that are labelled: all, their number, or a list of them."""
    priority: Literal["max_activation", "density", "neighbors"] = "max_activation"
    """Which features come first when not all are labelled."""
    features_per_request: Annotated[int, Bounds(1, 50)] = 1
    """Features in one request to an LLM."""
    api_mode: Literal["live", "batch"] = "live"
    """`batch`: half the price, answers within a day."""
    budget_usd: Annotated[float, Bounds(0, 1_000_000)] | None = None
    """Limit in dollars on what this recipe spends on one model; required by `anthropic`."""
    concurrency: Annotated[int, Bounds(1, 1_024)] = 16
    """Requests in flight."""

    @property
    def explainers(self) -> tuple[ExplainerName, ...]:
        return (self.explainer,) if isinstance(self.explainer, str) else self.explainer

    @property
    def asked(self) -> set[str]:
        return {*self.explainers, self.judge}

    @property
    def asks_llm(self) -> bool:
        """Whether a provider is asked, for money."""
        return "anthropic" in self.asked

    @property
    def explainers_send_prompts(self) -> bool:
        return bool(set(self.explainers) & set(ASKS_LLM))

    @property
    def sends_prompts(self) -> bool:
        return bool(self.asked & set(ASKS_LLM))

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
        return self

    @model_validator(mode="after")
    def _scorers_can_be_asked(self) -> Self:
        from models.autointerp.scorer import scorer_of

        for name in self.scorers:
            scorer = scorer_of(name)
            for setting in scorer.needs:
                if getattr(self, setting) is None:
                    raise ValueError(f"the scorer {name} wants {setting}: name it, or leave the scorer out")
            if self.judge == "lexical" and not scorer.rules_suffice:
                raise ValueError(
                    f"the scorer {name} is not supported by the judge lexical, which reads a label as a rule over "
                    "tokens: name another judge, or leave the scorer out"
                )
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
