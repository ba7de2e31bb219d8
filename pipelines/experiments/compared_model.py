"""The second model of a comparison, loaded."""

from typing import TYPE_CHECKING

from pipelines.registry.experiment_cards import ExperimentRegistration
from pipelines.store.other_registration import other_registration
from pipelines.store.store import Store

if TYPE_CHECKING:
    from models.experiments.other_model import OtherModel


def compared_model(store: Store, registration: ExperimentRegistration) -> "OtherModel | None":
    """The other model, loaded, with its dictionary where the method reads it.

    Raises:
        MissingDataset: If its dictionary was not made yet.
    """
    from models.experiments.other_model import OtherModel
    from pipelines.experiments.experiment_input import feature_dictionary, load_host, prompt_prefix

    other = other_registration(store, registration)
    if other is None:
        return None
    host, dictionary = load_host(other), None
    if other.recipes:
        dictionary = feature_dictionary(store, store.registration(f"{other.model_id}/{other.card.recipe}"))
        dictionary.sae.to(host.device)
    return OtherModel(other.model_id, host, prompt_prefix(store, other, host.tokenizer), dictionary)
