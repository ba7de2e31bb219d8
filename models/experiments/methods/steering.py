"""Steering by features over a prompt set."""

from collections.abc import Sequence
from typing import Any

from models.corpora.text_tokens import text_token_ids
from models.experiments.method import ExperimentInput, ExperimentMethod, PassCount, Rows
from models.experiments.prompt_encoding import EncodedPrompt
from models.experiments.settings.steering import SteeringSettings
from models.experiments.steered_concept import ConceptReader, chosen_features
from models.experiments.steered_prompt import SteeredPrompt
from models.experiments.steering_effects import steering_effects
from models.experiments.steering_plan import NORM_PROMPTS, SteeringPlan, n_conditions, selecting_pairs, steered_concepts
from models.experiments.steering_ratings import rated_completions
from models.language_model.model_limits import ModelLimits

Given = ExperimentInput[SteeringSettings]


def _measure(given: Given, prompts: Sequence[EncodedPrompt]) -> Rows:
    plan = SteeringPlan.of(given)
    return {"steering_completion": [row for prompt in prompts for row in SteeredPrompt(given, plan, prompt).rows()]}


def _summary(given: Given, rows: Rows) -> Rows:
    """The judge is asked once all texts are there, so that it is asked for many at a time, and about none twice."""
    concepts = SteeringPlan.of(given).concepts
    decode = given.host.tokenizer.decode
    targets = {feature: [decode([token]) for token in concept.token_ids] for feature, concept in concepts.items()}
    completions, rated = rows["steering_completion"], dict[str, Any]()
    if given.judge is not None:
        texts = chosen_features(ConceptReader(given.host, given.features), given.settings)
        named = {feature: texts[feature] or _for_judge(tokens) for feature, tokens in targets.items()}
        completions, ratings = rated_completions(given.judge(), completions, given.prompts, named)
        rated = {"steering_completion": completions, "steering_rating": ratings}
    return {**rated, "steering_effect": list(steering_effects(completions, given.prompts, targets, given.seed))}


def _for_judge(tokens: Sequence[str]) -> str:
    """The tokens that stand for a concept, where the card has no words for it."""
    return "what these tokens have in common: " + ", ".join(map(repr, tokens))


def _passes(given: Given) -> PassCount:
    """The unsteered text, then each condition: written, read along the unsteered text, and its own text read."""
    n_edited, n_prompted = n_conditions(given)
    each = given.settings.new_tokens + 1
    once = min(NORM_PROMPTS, len(given.prompts)) + 2 * len(selecting_pairs(given))
    return PassCount(forward=once + len(given.prompts) * (each + (n_edited + n_prompted) * (each + 1)))


def _check(given: Given) -> None:
    host, settings = given.host, given.settings
    if not host.is_causal:
        raise ValueError(f"{host.architecture} is an encoder and writes no text: steering asks a causal language model")
    given.features.check([*settings.features, *map(int, settings.concepts)])
    reader, tokenizer = ConceptReader(host, given.features), host.tokenizer
    concepts = steered_concepts(given, reader, chosen_features(reader, settings))
    said = [len(text_token_ids(tokenizer, [f"{concept.text}\n"])[0]) for concept in concepts.values()]
    before = max(said) if "prompting" in settings.baselines else 0
    limit = ModelLimits.of(host.source, host.model.config).n_positions
    for prompt in given.prompts:
        n = before + len(prompt.token_ids) + settings.new_tokens
        if limit is not None and n > limit:
            raise ValueError(
                f"row {prompt.prompt_id} has {len(prompt.token_ids):,} tokens, which with {before:,} of a concept "
                f"before it and {settings.new_tokens:,} new ones are more than the {limit:,} that the model reads: "
                "shorten it, or lower `new_tokens`"
            )


METHOD = ExperimentMethod(settings=SteeringSettings, measure=_measure, passes=_passes, check=_check, summarize=_summary)
