"""What the rows of an experiment depend on, known before the model is loaded."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from models.experiments.settings_base import settings_of
from pipelines.registry.experiment_cards import ExperimentRegistration, PromptSetCard
from pipelines.registry.registry import SAERegistration
from pipelines.store.other_registration import other_registration
from pipelines.store.prompt_reading import prompts_sha256
from pipelines.store.store import Store
from pipelines.store.tagged_features import tagged_features
from storage.manifest import Manifest, sha256_of
from storage.revisions import resolve_revision

if TYPE_CHECKING:
    from models.autointerp.config import ExplanationSettings

ENCODING_VERSION = "1"
"""Raised when prompts are cut into other tokens than before, or the table `prompt` gets other columns."""


def experiment_identity(store: Store, registration: ExperimentRegistration) -> dict[str, Any]:
    """The method's code, the card, the prompts, the model and, where one is named, the dictionary.

    Raises:
        MissingDataset: If the dictionary or its statistics were not made yet, or from other cards.
        InvalidPrompt: If the prompts cannot be read.
    """
    method, card = registration.card.method, registration.card
    values = registration.settings.model_dump(mode="json")  # as the manifest gives it back: no tuples
    settings = {f"experiment.settings.{name}": value for name, value in values.items()}
    own: dict[str, Any] = {
        "code": {method: settings_of(method).code_version, "prompt": ENCODING_VERSION},
        "settings": settings
        | {"experiment.method": method, "experiment.seed": card.seed, "experiment.recipes": list(card.recipe_ids)}
        | {f"model.{name}": getattr(registration.model, name) for name in ("source", "dtype", "prepend_bos")},
        "found": {
            "model": {"revision": registration.revision},
            "prompts": None if registration.prompt_set is None else prompts_identity(registration.prompt_set),
            "prefix": {"token_ids": chosen_prefix(store, registration)},
        },
    }
    dictionaries = {
        named.recipe_id: dictionary_identity(store, named) for named in sae_registrations(store, registration)
    }
    if dictionaries:
        own["found"]["dictionaries"] = dictionaries
    if (other := other_registration(store, registration)) is not None:
        own["found"]["other"] = _other_identity(store, other)
    if registration.settings.reads_tags:
        own["found"]["tags"] = {str(feature): tag for feature, tag in tagged_features(store, registration).items()}
    if (judging := registration.settings.judging()) is not None:
        own["found"]["judge"] = _judge_identity(registration.settings.judge_prompts, judging)
    return own


def _other_identity(store: Store, other: ExperimentRegistration) -> dict[str, Any]:
    """What of the model that is compared with the rows depend on."""
    found: dict[str, Any] = {"source": other.model.source, "revision": other.revision, "dtype": other.model.dtype}
    if other.recipes:
        found["dictionary"] = dictionary_identity(store, store.registration(f"{other.model_id}/{other.card.recipe}"))
    return found


def prompts_identity(card: PromptSetCard) -> dict[str, Any]:
    """The rows, and where the card cuts them."""
    cut = {} if card.max_tokens is None else {"max_tokens": card.max_tokens}
    return {"sha256": prompts_sha256(card)} | cut


def _judge_identity(prompts: Sequence[str], judging: "ExplanationSettings") -> dict[str, Any]:
    """What a judge is sent, and which version of a model on this machine judges."""
    from models.autointerp.prompt_files import prompt_sha256

    found: dict[str, Any] = {"prompts": [prompt_sha256(name) for name in prompts]}
    if judging.judge == "local" and judging.local_llm is not None:
        found["local_llm"] = resolve_revision(judging.local_llm, judging.local_llm_revision)
    return found


def dictionary_identity(store: Store, named: SAERegistration) -> str:
    """Hash of what a dictionary and the statistics of its features were made from.

    Raises:
        MissingDataset: If one of them was not made yet, or from other cards than there are now.
    """
    trained, statistics = store.datasets.trained(named), store.tables.manifest_of("feature", named)
    return sha256_of({"sae": trained.identity, "feature": statistics.identity})


def sae_registrations(store: Store, registration: ExperimentRegistration) -> list[SAERegistration]:
    """The partitions of the dictionaries that an experiment names; of a card with `layers`, those of all its blocks."""
    cards = store.cards()
    recipe_ids = [each for recipe_id in registration.card.recipe_ids for each in cards.dictionaries_of(recipe_id)]
    return [store.registration(f"{registration.model_id}/{recipe_id}") for recipe_id in recipe_ids]


def chosen_prefix(store: Store, registration: ExperimentRegistration) -> list[int] | None:
    """Special tokens that `context_frame` chose to stand before texts; None where it was never asked, or the card says
    what stands there."""
    if registration.model.prepend_bos != "auto":
        return None
    manifest = Manifest.read(store.layout.table_at("context_frame", model_id=registration.model_id))
    return list(manifest.facts["prefix"]) if manifest is not None else None
