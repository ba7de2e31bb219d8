"""What the card of an experiment names, held against the other cards."""

from collections.abc import Collection, Mapping

from models.experiments.settings_base import settings_of
from pipelines.registry.cards import ModelCard
from pipelines.registry.experiment_cards import ExperimentCore, PromptSetCard
from storage.visible_text import visible


def wrong_names(
    card: ExperimentCore,
    models: Mapping[str, ModelCard],
    recipes: Collection[str],
    sets: Mapping[str, tuple[str, ...]],
    prompt_sets: Mapping[str, PromptSetCard],
) -> str | None:
    """What an experiment names that has no card, several dictionaries where its method reads one, or a prompt set of
    another kind than it reads."""
    named = [
        ("prompt_sets or text_sets", [card.prompt_set] if card.prompt_set else [], prompt_sets),
        ("recipes", list(card.recipe_ids), [*recipes, *sets]),
    ]
    named += [("models", [] if card.models == "all" else card.models, models)]
    for kind, names, known in named:
        if unknown := sorted(set(names) - set(known)):
            there = visible(", ".join(known), 600) or "none"
            names = visible(", ".join(unknown), 200)
            return f"{names} is not in {kind} (there: {there}): add the card or correct the name"
    asks = settings_of(card.method).asks
    for model_id in [] if card.models == "all" else card.models:
        if (asks == "vision") != (models[model_id].images_seen is not None):
            reads = "text" if asks == "vision" else "images"
            return f"{card.method} asks a {asks} model, and {model_id} is one of {reads}: name another, or `all`"
    several = [recipe_id for recipe_id in card.recipe_ids if recipe_id in sets]
    if several and settings_of(card.method).dictionary != "several":
        return (
            f"{card.method} reads one dictionary, and {several[0]} asks for {len(sets[several[0]])}: name one of "
            f"{visible(', '.join(sets[several[0]]), 200)}"
        )
    if card.prompt_set is None:
        return None
    kinds, kind = settings_of(card.method).prompt_kinds, prompt_sets[card.prompt_set].kind
    if kind not in kinds:
        return (
            f"{card.method} reads a prompt set of kind {' or '.join(kinds)}, and {card.prompt_set} is of kind {kind}: "
            "name another set"
        )
    return None
