"""What people wrote of a partition's features, as its labels are made from."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from models.autointerp.human_labels import HumanLabel, require_known_features
from pipelines.labels.inputs import HUMAN_LABELS
from pipelines.registry.registry import SAERegistration
from pipelines.store.store import Store
from storage.manifest import Manifest


def human_labels(store: Store, registration: SAERegistration) -> Sequence[HumanLabel]:
    """What people wrote; raises ValueError if they name features that the dictionary does not have."""
    if registration.human_labels:
        require_known_features(
            registration.human_labels, store.tables.row_count("feature", registration), registration.sae_id
        )
    return registration.human_labels


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
