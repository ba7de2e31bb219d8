"""What people wrote of a partition's features, as its labels are made from."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from models.autointerp.human_labels import DIGITS, HumanLabel, require_known_features
from pipelines.labels.inputs import HUMAN_LABELS
from pipelines.registry.registry import SAERegistration
from pipelines.store.dictionary_hash import weights_sha256
from pipelines.store.store import Store
from storage.manifest import Manifest


def human_labels(store: Store, registration: SAERegistration) -> tuple[Sequence[HumanLabel], str | None]:
    """What people wrote of this dictionary; and, where some of it was written of another one, a sentence that says so.
    Raises ValueError if they name features that the dictionary does not have."""
    if not registration.human_labels:
        return (), None
    weights = weights_sha256(store.layout, registration.model_id, registration.recipe_id)
    ours = [label for label in registration.human_labels if label.is_of(weights)]
    require_known_features(ours, store.tables.row_count("feature", registration), registration.sae_id)
    n_others = len(registration.human_labels) - len(ours)
    if not n_others:
        return ours, None
    return ours, (
        f"{n_others} of {len(registration.human_labels)} labels that people wrote of {registration.sae_id} are of "
        f"another dictionary than this one ({weights[:DIGITS]}), where their numbers mean other features: they are "
        f"left out. Look at the features again, and write those that still hold anew, or correct `dictionary` in "
        f"labels/{registration.sae_id}.csv"
    )


def explained_rows(store: Store, registration: SAERegistration, identity: dict[str, Any]) -> pa.Table | None:
    """Rows of `explanation` that are there, where nothing but people's labels has changed since; None where the
    explainers must be asked again."""
    manifest = Manifest.read(store.layout.table("explanation", registration))
    if manifest is None or _without_people(manifest.identity) != _without_people(identity):
        return None
    return store.tables.read("explanation", registration)


def _without_people(identity: dict[str, Any]) -> dict[str, Any]:
    found = identity.get("found", {})
    kept = {stage: {k: v for k, v in of.items() if k != HUMAN_LABELS} for stage, of in found.items()}
    return {**identity, "found": kept}
