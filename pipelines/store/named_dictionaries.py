"""Of which dictionaries an experiment names features by number."""

from models.autointerp.human_labels import DIGITS
from pipelines.registry.experiment_cards import ExperimentRegistration
from pipelines.store.dictionary_hash import weights_sha256
from pipelines.store.experiment_identity import sae_registrations
from pipelines.store.store import Store


def require_named_dictionaries(store: Store, registration: ExperimentRegistration) -> None:
    """Refuses an experiment whose card names another dictionary than there is: its numbers mean other features there.

    Raises:
        ValueError: Naming both.
    """
    for sae_id, wanted in registration.card.dictionaries.items():
        model_id, recipe_id = sae_id.split("/")
        if model_id != registration.model_id:
            continue
        there = weights_sha256(store.layout, model_id, recipe_id)
        if not there.startswith(wanted):
            raise ValueError(
                f"experiments/{registration.experiment_id}.yaml names features of the dictionary {wanted} of {sae_id}, "
                f"and there is {there[:DIGITS] or 'none'}, where the numbers mean other features: look at them again, "
                "then correct the card's settings and `dictionaries`"
            )


def named_dictionaries(store: Store, registration: ExperimentRegistration) -> dict[str, str]:
    """What the card of a question names as `dictionaries`: those it is asked of, if its settings name features by
    number; otherwise none."""
    settings = registration.settings
    if not any(getattr(settings, name) for name in settings.feature_settings):
        return {}
    names = [(each.model_id, each.recipe_id) for each in sae_registrations(store, registration)]
    found = {f"{model}/{recipe}": weights_sha256(store.layout, model, recipe)[:DIGITS] for model, recipe in names}
    return {sae_id: digits for sae_id, digits in found.items() if digits}
