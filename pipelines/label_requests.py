"""Features that somebody asked labels for, besides what the recipe wants: kept in the store, so that they stay."""

import json
from collections.abc import Iterable

from models.folder import Folder
from pipelines.registry import Registration
from pipelines.store import Store

FILE = "features.json"


def _folder(store: Store, registration: Registration) -> Folder:
    return store.root / "label_requests" / registration.model_id / registration.recipe_id


def requested(store: Store, registration: Registration) -> tuple[int, ...]:
    """Features asked for, in the order in which they were."""
    folder = _folder(store, registration)
    return tuple(json.loads(folder.read_bytes(FILE))) if folder.exists(FILE) else ()


def request(store: Store, registration: Registration, features: Iterable[int]) -> tuple[int, ...]:
    """Asks for more features; returns all that were asked for."""
    found = tuple(dict.fromkeys([*requested(store, registration), *features]))
    _folder(store, registration).write_bytes(FILE, json.dumps(found).encode())
    return found
