"""What lies in the store and nothing refers to: neither a card, nor a manifest, nor a dictionary that stands there."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipelines.integrity.store_needs import StoreNeeds
from pipelines.integrity.stored_folders import StoredFolder, stored_folders
from pipelines.registry.identities.stage_identity import StageIdentity
from pipelines.registry.identities.stages.activations import ACTIVATIONS
from pipelines.registry.identities.stages.corpus import CORPUS
from pipelines.registry.identities.stages.feature_statistics import FEATURE_STATISTICS
from pipelines.registry.identities.stages.sae import SAE
from pipelines.store.experiment_identity import experiment_identity
from pipelines.store.layout import StoreLayout
from pipelines.store.resolve_all import resolve_experiments
from pipelines.store.store import Store
from pipelines.store.stored_part import readable_manifest
from sql.dropped_partitions import PublishedPartition
from storage.folder import TEMPORARY, Folder
from storage.manifest import NAME as MANIFEST
from storage.manifest import Manifest
from storage.table_schemas import tables

TAKEN_UP_WITHIN = 86_400.0
"""Seconds after which nobody is expected to go on with what a launch left."""
_RESUMED = {"activations": ACTIVATIONS, "corpora": CORPUS, "saes": SAE, "feature_activation": FEATURE_STATISTICS}
"""Stages that go on with files of a stopped run, by folder or table."""


@dataclass(frozen=True, slots=True)
class Unneeded:
    """A folder with all below it, or one file."""

    kind: str
    place: str
    """Relative to the store."""
    folder: Folder
    name: str = ""
    """The file; empty for the whole folder."""
    n_bytes: int = 0
    age: float = 0.0
    """Seconds since anything in it was written."""
    published: PublishedPartition | None = None

    @classmethod
    def whole(cls, kind: str, place: str, folder: Folder, published: PublishedPartition | None = None) -> "Unneeded":
        files = folder.files_below()
        ages = [folder.age(file) for file in files]
        return cls(kind, place, folder, "", sum(map(folder.size, files)), min(ages, default=float("inf")), published)

    @classmethod
    def file(cls, kind: str, place: str, folder: Folder, name: str) -> "Unneeded":
        return cls(kind, f"{place}/{name}".lstrip("/"), folder, name, folder.size(name), folder.age(name))

    def remove(self) -> None:
        self.folder.remove(self.name)


def unneeded(store: Store, needs: StoreNeeds) -> Iterator[Unneeded]:
    """Everything that could go, whatever its age. The ledger of requests is never part of it."""
    layout = store.layout
    for stored in stored_folders(layout):
        if kind := _unneeded_kind(stored, needs):
            table = stored.table if stored.folder.exists(MANIFEST) else None
            published = (table, stored.place.split("/", 2)[2]) if table else None
            yield Unneeded.whole(kind, stored.place, stored.folder, published)
        else:
            yield from _unnamed_files(stored, needs)
    yield from _requests_for_labels(layout, needs)
    yield from _records(layout, needs)
    yield from _chunks(store, needs)
    yield from _launches(layout)
    yield from _temporary(layout.root)


def _unneeded_kind(stored: StoredFolder, needs: StoreNeeds) -> str | None:
    keys, top = stored.keys, stored.place.split("/")[0]
    if top == "corpora":
        return None if needs.needs_corpus(keys["corpus_id"], keys["frame"]) else "corpora that no model reads"
    if stored.table == "corpus":
        return None if needs.needs_corpus(keys["corpus_id"], keys["frame_sha256"]) else "corpora that no model reads"
    if stored.table is not None and stored.table not in tables():
        return None  # of another version of Glasshouse, which may still read it
    model_id = keys["model_id"]
    if "recipe_id" in keys:
        is_needed, kind = (model_id, keys["recipe_id"]) in needs.dictionaries, "rows and files of removed dictionaries"
    elif "experiment_id" in keys:
        is_needed, kind = (model_id, keys["experiment_id"]) in needs.experiments, "experiments without a card"
    elif "site" in keys:
        is_needed, kind = needs.needs_site(model_id, keys["site"]), "activations that no recipe reads"
    else:
        is_needed, kind = model_id in needs.models, "models that no card names"
    return None if is_needed else kind


def _unnamed_files(stored: StoredFolder, needs: StoreNeeds) -> Iterator[Unneeded]:
    """Of a dataset that stays: what its manifest does not name, unless a run would go on with it."""
    manifest = readable_manifest(stored.folder)
    if manifest is None or _is_to_be_made_again(stored, manifest, needs):
        return
    for name in sorted(set(stored.folder.names()) - {MANIFEST} - {entry.name for entry in manifest.files}):
        yield Unneeded.file("files that no manifest names", stored.place, stored.folder, name)
    if stored.place.startswith("saes/") and (stored.folder / "checkpoint").exists():
        yield Unneeded.whole(
            "checkpoints of finished trainings", f"{stored.place}/checkpoint", stored.folder / "checkpoint"
        )


def _is_to_be_made_again(stored: StoredFolder, manifest: Manifest, needs: StoreNeeds) -> bool:
    """Whether the next run of some card makes the dataset anew, and goes on with what a stopped one left."""
    stage = _RESUMED.get(stored.table or stored.place.split("/")[0])
    return stage is not None and any(
        _is_of(stored, registration.model_id, registration.recipe_id, registration.corpus_id)
        and _differs(stage, registration, manifest)
        for registration in needs.registrations
    )


def _is_of(stored: StoredFolder, model_id: str, recipe_id: str, corpus_id: str) -> bool:
    values = {"model_id": model_id, "recipe_id": recipe_id, "corpus_id": corpus_id}
    return all(values[key] == value for key, value in stored.keys.items() if key in values)


def _differs(stage: StageIdentity, registration, manifest: Manifest) -> bool:
    return bool(stage.changes(registration, manifest.identity))


def _requests_for_labels(layout: StoreLayout, needs: StoreNeeds) -> Iterator[Unneeded]:
    for model_id, recipe_id, folder in _pairs(layout.root / "label_requests"):
        if (model_id, recipe_id) not in needs.dictionaries:
            place = f"label_requests/{model_id}/{recipe_id}"
            yield Unneeded.whole("rows and files of removed dictionaries", place, folder)


def _records(layout: StoreLayout, needs: StoreNeeds) -> Iterator[Unneeded]:
    """How runs went of what neither a card asks for nor the store holds."""
    for stage, first, folder in _pairs(layout.stage_records()):
        for name in folder.names():
            if (first, name.removesuffix(".json")) not in {*needs.dictionaries, *needs.experiments}:
                place = f"stage_records/{stage}/{first}"
                yield Unneeded.file("records of runs of removed dictionaries", place, folder, name)


def _chunks(store: Store, needs: StoreNeeds) -> Iterator[Unneeded]:
    """Of experiments that are measured already, that nobody asks for, or that are asked for otherwise now."""
    found = list(_pairs(store.layout.root / "experiment_chunks"))
    registrations = {each.key: each for each in resolve_experiments(store)[0]} if found else {}
    for model_id, experiment_id, folder in found:
        wanted: str | None = ""
        if (model_id, experiment_id) in needs.experiments:
            try:
                identity = experiment_identity(store, registrations[f"{model_id}/{experiment_id}"])
                wanted = Manifest(identity).identity_sha256[:16]
            except (KeyError, ValueError, OSError):  # said by the sensor and by whoever runs it
                wanted = None
        place = f"experiment_chunks/{model_id}/{experiment_id}"
        for name in folder.folders() if wanted is not None else ():
            if name != wanted or not (folder / name).files_below():
                yield Unneeded.whole("chunks of experiments", f"{place}/{name}", folder / name)
        if not folder.folders() and not folder.names():
            yield Unneeded.whole("empty folders", place, folder)


def _launches(layout: StoreLayout) -> Iterator[Unneeded]:
    """Orders, logs and sums of launches that ended badly and that nobody took up; one at work writes every few
    seconds."""
    for name in (layout.root / "launches").folders():
        left = Unneeded.whole("launches that nobody took up", f"launches/{name}", layout.launch(name))
        if left.age >= TAKEN_UP_WITHIN:
            yield left


def _temporary(root: Folder) -> Iterator[Unneeded]:
    """Files that a killed writer left half-written; on an object store there are none."""
    for path in sorted(Path(root.path).rglob(f"{TEMPORARY}*")) if root.is_local else ():
        place = str(path.parent.relative_to(root.path))
        yield Unneeded.file("half-written files", "" if place == "." else place, Folder(str(path.parent)), path.name)


def _pairs(folder: Folder) -> Iterator[tuple[str, str, Folder]]:
    for first in folder.folders():
        for second in (folder / first).folders():
            yield first, second, folder / first / second
