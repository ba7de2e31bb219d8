"""Features that somebody asked labels for, besides what the recipe wants: kept in the store, so that they stay."""

import json
from collections.abc import Iterable, Sequence

from pipelines.registry.registry import SAERegistration
from pipelines.store.store import Store

FILE = "features.json"


def requested(store: Store, registration: SAERegistration) -> tuple[int, ...]:
    """Features asked for, in the order in which they were."""
    folder = store.layout.label_requests(registration)
    return tuple(json.loads(folder.read_bytes(FILE))) if folder.exists(FILE) else ()


def require_firing_features(store: Store, registration: SAERegistration, features: Iterable[int]) -> None:
    """Raises ValueError if one of the features never fires, or does not exist."""
    from models.autointerp.feature_selection import require_firing

    columns = store.tables.read("feature", registration).select(["feature_id", "is_dead"]).to_pylist()
    require_firing(features, {row["feature_id"] for row in columns if not row["is_dead"]})


def request_labels(store: Store, registration: SAERegistration, features: Sequence[int]) -> tuple[int, ...]:
    """Asks for more features; returns all that were asked for. Raises as `require_firing_features`, and then asks
    for none."""
    require_firing_features(store, registration, features)
    found = tuple(dict.fromkeys([*requested(store, registration), *features]))
    store.layout.label_requests(registration).write_bytes(FILE, json.dumps(found).encode())
    return found
