"""Of which dictionaries an experiment names features by number."""

from collections.abc import Iterable

from models.autointerp.human_labels import DIGITS
from pipelines.registry.experiment_cards import ExperimentRegistration
from pipelines.store.dictionary_hash import weights_sha256
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


def named_dictionaries(store: Store, model_id: str, recipe_ids: Iterable[str]) -> dict[str, str]:
    """What a card that names features of these by number says as `dictionaries`; those that are there."""
    found = {each: weights_sha256(store.layout, model_id, each)[:DIGITS] for each in recipe_ids}
    return {f"{model_id}/{recipe_id}": digits for recipe_id, digits in found.items() if digits}
