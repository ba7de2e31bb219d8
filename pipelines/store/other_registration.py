"""The second model of a comparison, as the registry has it."""

from models.experiments.comparison_settings import ComparisonSettings
from pipelines.registry.cards import InvalidCard
from pipelines.registry.experiment_cards import ExperimentRegistration
from pipelines.store.store import Store
from storage.revisions import resolve_revision


def other_registration(store: Store, registration: ExperimentRegistration) -> ExperimentRegistration | None:
    """The same experiment as if it were about the other model; None where the method compares none.

    Raises:
        InvalidCard: If the card of the other model, or of its recipe, is not there.
    """
    settings, cards = registration.settings, store.cards()
    if not isinstance(settings, ComparisonSettings):
        return None
    model_id, known = settings.other_model, ", ".join(cards.models)
    if model_id not in cards.models:
        raise InvalidCard(
            f"{registration.key}: other_model is {model_id or 'not named'!r}, and there is {known}: name one of these"
        )
    model = cards.models[model_id]
    recipe_id = settings.other_recipe or next(iter(registration.card.recipe_ids), None)
    if settings.reads_other_dictionary and recipe_id not in cards.recipes_of(model_id):
        there = ", ".join(cards.recipes_of(model_id)) or "none"
        raise InvalidCard(
            f"{registration.key}: {model_id} has no recipe {recipe_id}; there is {there}: say `other_recipe`"
        )
    recipes = (cards.recipes[recipe_id],) if settings.reads_other_dictionary and recipe_id else ()
    card = registration.card.model_copy(update={"recipe": recipe_id, "recipes": []})
    revision = resolve_revision(model.source, settings.other_revision or model.revision)
    return ExperimentRegistration(
        model_id, registration.experiment_id, model, card, registration.prompt_set, revision, recipes
    )
