"""One dictionary made: trained, imported or of neurons, alone or with the others of its card."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pipelines.registry.registry import SAERegistration
from pipelines.store import build_dictionary, trainers
from pipelines.store.build_dictionary import BuiltDictionary
from pipelines.store.dictionary_sets import Log, make_set, train_set
from pipelines.store.open_store import OpenStore
from pipelines.store.trainers import Trainer

if TYPE_CHECKING:
    from models.activations.shuffled_stream import ShuffledActivations
    from models.training.trainer import TrainingJob


def make_dictionary(
    store: OpenStore, registration: SAERegistration, log: Log, trainer: Trainer = trainers.trained
) -> list[str]:
    """Makes the dictionary of a partition and, where its card asks for several, the others that are missing.

    Returns:
        The sae_ids of those that were made now.
    """
    if registration.set_id is not None:
        return make_set(store, registration, log, trainer)
    if registration.recipe.sae.learns:
        (trained,) = trainer(*_training(store, registration, log))
        made = BuiltDictionary.of(trained)
    else:
        made = build_dictionary.import_or_neurons(store, registration)
    build_dictionary.save_dictionary(store, registration, made)
    return [registration.sae_id]


def help_to_make(store: OpenStore, registration: SAERegistration, trainer: Trainer) -> None:
    """The training alone, for a process that helps the one that makes the dictionary."""
    if registration.set_id is not None:
        train_set(store, registration, trainer)
    elif registration.recipe.sae.learns:
        list(trainer(*_training(store, registration, lambda sae_id, row: None)))


def _training(
    store: OpenStore, registration: SAERegistration, log: Log
) -> "tuple[Sequence[TrainingJob], ShuffledActivations, str]":
    of = store.datasets.harvested(registration).identity_sha256
    job = build_dictionary.training_job(store, registration, lambda row: log(registration.sae_id, row))
    return [job], build_dictionary.training_stream(store, registration), of
