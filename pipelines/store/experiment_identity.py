"""What the rows of an experiment depend on, known before the model is loaded."""

from typing import Any

from models.experiments.settings_base import settings_of
from pipelines.registry.experiment_cards import ExperimentRegistration
from pipelines.registry.registry import SAERegistration
from pipelines.store.prompt_reading import prompts_sha256
from pipelines.store.store import Store
from storage.manifest import Manifest

ENCODING_VERSION = "1"
"""Raised when prompts are cut into other tokens than before, or the table `prompt` gets other columns."""


def experiment_identity(store: Store, registration: ExperimentRegistration) -> dict[str, Any]:
    """The method's code, the card, the prompts, the model and, where one is named, the dictionary.

    Raises:
        MissingDataset: If the dictionary or its statistics were not made yet, or from other cards.
        InvalidPrompt: If the prompts cannot be read.
    """
    method, card = registration.card.method, registration.card
    settings = {f"experiment.settings.{name}": value for name, value in registration.settings.model_dump(mode="json").items()}
    own = {
        "code": {method: settings_of(method).code_version, "prompt": ENCODING_VERSION},
        "settings": settings
        | {"experiment.method": method, "experiment.seed": card.seed, "experiment.recipe": card.recipe}
        | {f"model.{name}": getattr(registration.model, name) for name in ("source", "dtype", "prepend_bos")},
        "found": {
            "model": {"revision": registration.revision},
            "prompts": {"sha256": prompts_sha256(registration.prompt_set)},
            "prefix": {"token_ids": chosen_prefix(store, registration)},
        },
    }
    dictionary = dictionary_identity(store, registration) if card.recipe else {}
    return {part: {**dictionary.get(part, {}), **values} for part, values in own.items()}


def dictionary_identity(store: Store, registration: ExperimentRegistration) -> dict[str, Any]:
    """That of the dictionary and of its features' statistics."""
    named = sae_registration(store, registration)
    trained = store.datasets.trained(named)
    statistics = store.tables.manifest_of("feature", named)
    return {part: {**trained.identity[part], **statistics.identity.get(part, {})} for part in trained.identity}


def sae_registration(store: Store, registration: ExperimentRegistration) -> SAERegistration:
    """The partition of the dictionary that an experiment names."""
    return store.registration(f"{registration.model_id}/{registration.card.recipe}")


def chosen_prefix(store: Store, registration: ExperimentRegistration) -> list[int] | None:
    """Special tokens that `context_frame` chose to stand before texts; None where it was never asked, or the card says
    what stands there."""
    if registration.model.prepend_bos != "auto":
        return None
    manifest = Manifest.read(store.layout.table_at("context_frame", model_id=registration.model_id))
    return list(manifest.facts["prefix"]) if manifest is not None else None
