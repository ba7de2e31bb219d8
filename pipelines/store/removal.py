"""What the store holds of one partition alone, shown before it is removed, and its removal.

What several partitions share stays: activations, corpora, frames and rows of models. An import brought its own rows of
`model` and `corpus`: they go with the last dictionary that names them.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from pipelines.registry.cards import is_id
from pipelines.store.publication import Publication, publish_store
from pipelines.store.store import Store
from sql.dropped_partitions import AllowedDrops, PublishedPartition
from storage.folder import Folder
from storage.local_files import BrokenLink
from storage.manifest import NAME as MANIFEST
from storage.manifest import DamagedFile, Manifest


@dataclass(frozen=True, slots=True)
class StoredPart:
    """A folder that belongs to the partition."""

    folder: Folder
    name: str
    rows: int
    n_bytes: int
    published: tuple[PublishedPartition, ...] = ()


@dataclass(frozen=True, slots=True)
class Removal:
    """What goes with some partitions, and cards that would bring them back."""

    sae_ids: tuple[str, ...]
    parts: tuple[StoredPart, ...]
    claims: tuple[str, ...]
    """A sentence for each partition that the registry asks for."""

    @property
    def claimed(self) -> set[str]:
        return {claim.split()[0] for claim in self.claims}


def plan_removal(store: Store, sae_ids: tuple[str, ...]) -> Removal:
    """What would go; nothing is removed.

    Raises:
        AbsentFolder: If there is no store or no registry.
        ValueError: If the store holds nothing of a partition: names those that it holds.
    """
    asked, registry = store.cards().sae_ids(), store.registry_folder
    store.layout.tables().require("the folder of the store's tables", "correct GLASSHOUSE_HOME or mount the store")
    parts = [part for sae_id in dict.fromkeys(sae_ids) for part in _known_parts(store, sae_id)]
    claims = [
        f"{sae_id} is asked for by {registry}/models/{sae_id.split('/')[0]}.yaml and "
        f"{registry}/recipes/{sae_id.split('/')[1]}.yaml: the next run makes it again"
        for sae_id in dict.fromkeys(sae_ids)
        if sae_id in asked
    ]
    return Removal(tuple(dict.fromkeys(sae_ids)), (*parts, *_orphans(store, sae_ids)), tuple(claims))


def remove(store: Store, removal: Removal) -> Publication:
    """Removes it from the store, then from the published file."""
    for part in removal.parts:
        part.folder.remove()
    gone = frozenset(place for part in removal.parts for place in part.published)
    return publish_store(store, allowed=AllowedDrops(removed=gone))


def _known_parts(store: Store, sae_id: str) -> list[StoredPart]:
    model_id, _, recipe_id = sae_id.partition("/")
    found = list(_parts(store, model_id, recipe_id)) if is_id(model_id) and is_id(recipe_id) else []
    if not found:
        held = sorted(f"{keys['model_id']}/{keys['recipe_id']}" for keys in store.layout.partitions("sae"))
        raise ValueError(
            f"the store {store.layout.root} holds nothing of {sae_id!r} (there: {', '.join(held) or 'none'}): name "
            "partitions as model_id/recipe_id"
        )
    return found


def _parts(store: Store, model_id: str, recipe_id: str) -> Iterator[StoredPart]:
    layout, place = store.layout, f"model_id={model_id}/recipe_id={recipe_id}"
    for table in layout.tables().folders():
        folder = layout.table_at(table, model_id=model_id, recipe_id=recipe_id)
        if folder.exists():
            yield _part(folder, f"table {table}", table, place)
    for name, folder in (
        ("dictionary", layout.sae_at(model_id, recipe_id)),
        ("requests for labels", layout.root / "label_requests" / model_id / recipe_id),
    ):
        if folder.exists():
            yield _part(folder, name)


def _part(folder: Folder, name: str, table: str = "", place: str = "") -> StoredPart:
    """A folder with all that lies below it, which may be several partitions of one table."""
    files = folder.files_below()
    inside = [file.removesuffix(MANIFEST).rstrip("/") for file in files if file.rsplit("/", 1)[-1] == MANIFEST]
    published = tuple((table, f"{place}/{each}".rstrip("/")) for each in inside) if table else ()
    rows = sum(_rows(folder / each if each else folder) for each in inside)
    return StoredPart(folder, name, rows, sum(_size(folder, file) for file in files), published)


def _rows(folder: Folder) -> int:
    """By the manifest; none where it is damaged, for that is why a partition may have to go."""
    try:
        manifest = Manifest.read(folder)
    except DamagedFile:
        return 0
    return manifest.rows if manifest else 0


def _size(folder: Folder, file: str) -> int:
    try:
        return folder.size(file)
    except BrokenLink:
        return 0


def _orphans(store: Store, sae_ids: tuple[str, ...]) -> Iterator[StoredPart]:
    """Rows of models and corpora that imports brought, and that no other dictionary names."""
    dictionaries = [
        (keys["model_id"], row["corpus_id"])
        for keys in store.layout.partitions("sae")
        if f"{keys['model_id']}/{keys['recipe_id']}" not in sae_ids
        for row in store.tables.read_rows(store.layout.table_at("sae", **keys))
    ]
    models, corpora = {model for model, _ in dictionaries}, {corpus for _, corpus in dictionaries}
    for table, key, named in (("model", "model_id", models), ("corpus", "corpus_id", corpora)):
        for keys in store.layout.partitions(table):
            folder = store.layout.table_at(table, **keys)
            manifest = Manifest.read(folder)
            if manifest is not None and "import" in manifest.identity and keys[key] not in named:
                place = "/".join(f"{name}={value}" for name, value in keys.items())
                yield _part(folder, f"table {table}: {keys[key]}", table, place)
