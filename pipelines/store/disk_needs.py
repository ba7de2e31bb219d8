"""What a stage will write, asked of the disk before it begins; an object store has no end that could be asked for."""

from typing import TYPE_CHECKING

from pipelines.registry.registry import SAERegistration
from pipelines.store.open_store import OpenStore
from storage.folder import Folder
from storage.free_space import require_room

if TYPE_CHECKING:
    from collections.abc import Collection

    from models.corpora.contexts import TokenizedCorpus
    from models.language_model.hooked_model import HookedModel
    from models.language_model.sites import Site

CODE_BYTES = 7
"""Of one firing in the codes, compressed: 4.8 to 6.2 were measured (`models.features.codes_parquet`)."""
CHECKPOINT_SHARE = 3 / 5
WEIGHTS_SHARE = 1 / 5
"""Of what training holds (`models.training.memory_estimate`), weights and both moments of Adam; weights alone."""


def require_room_for_harvest(
    store: OpenStore,
    registration: SAERegistration,
    host: "HookedModel",
    contexts: "TokenizedCorpus",
    sites: "Collection[Site]",
) -> None:
    """Raises Unwritable if the activations of these sites do not fit beside what is there of them."""
    from models.activations.harvest import harvest_bytes

    needed = harvest_bytes(host, contexts, list(sites), registration.model.shard_dtype)
    folders = [store.layout.activations(registration.model_id, str(site)) for site in sites]
    what = f"{registration.model_id}: the activations of {len(folders)} sites"
    require_room(store.layout.root, max(0, needed - sum(map(_bytes_in, folders))), what)


def require_room_for_training(store: OpenStore, registration: SAERegistration) -> None:
    """Raises Unwritable if two checkpoints and the dictionary do not fit, of all that the card trains together: a
    checkpoint goes once the next is whole."""
    from models.training.memory_estimate import training_bytes

    if not registration.recipe.sae.learns:
        return
    widths = [store.datasets.harvested(registration, site).facts["width"] for site in registration.recipe.sites]
    n_together = len(store.cards().dictionaries_of(registration.set_id)) if registration.set_id else 1
    held = n_together * training_bytes(registration.recipe.sae, widths)
    what = f"{registration.sae_id}: two checkpoints and the dictionary"
    require_room(store.layout.root, int(held * (2 * CHECKPOINT_SHARE + WEIGHTS_SHARE)), what)


def require_room_for_codes(store: OpenStore, registration: SAERegistration) -> None:
    """Raises Unwritable if the codes of a dictionary do not fit; where its L0 was never measured, nothing is asked."""
    calibration = store.datasets.trained(registration).facts["calibration"]
    if calibration is not None:
        n_tokens = store.datasets.harvested(registration).rows
        there = _bytes_in(store.layout.table("feature_activation", registration))
        needed = max(0, int(n_tokens * calibration["exported"]["l0"] * CODE_BYTES) - there)
        require_room(store.layout.root, needed, f"{registration.sae_id}: the codes of {n_tokens:,} tokens")


def _bytes_in(folder: Folder) -> int:
    """What an earlier, stopped run left there, and the next one goes on with."""
    return sum(map(folder.size, folder.names())) if folder.is_local and folder.exists() else 0
