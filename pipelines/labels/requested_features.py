"""Features that somebody asked labels for, besides what the recipe wants: kept in the store, so that they stay."""

import json
from collections.abc import Iterable, Sequence

from pipelines.registry.registry import Registration
from pipelines.store.store import Store
from storage.folder import Folder

FILE = "features.json"


def _folder(store: Store, registration: Registration) -> Folder:
    return store.root / "label_requests" / registration.model_id / registration.recipe_id


def requested(store: Store, registration: Registration) -> tuple[int, ...]:
    """Features asked for, in the order in which they were."""
    folder = _folder(store, registration)
    return tuple(json.loads(folder.read_bytes(FILE))) if folder.exists(FILE) else ()


def check(store: Store, registration: Registration, features: Iterable[int]) -> None:
    """Raises ValueError if one of the features never fires, or does not exist."""
    from models.autointerp.feature_selection import refuse_silent

    columns = store.read_table("feature", registration).select(["feature_id", "is_dead"]).to_pylist()
    refuse_silent(features, {row["feature_id"] for row in columns if not row["is_dead"]})


def request(store: Store, registration: Registration, features: Sequence[int]) -> tuple[int, ...]:
    """Asks for more features; returns all that were asked for. Raises as `check`, and then asks for none."""
    check(store, registration, features)
    found = tuple(dict.fromkeys([*requested(store, registration), *features]))
    _folder(store, registration).write_bytes(FILE, json.dumps(found).encode())
    return found
