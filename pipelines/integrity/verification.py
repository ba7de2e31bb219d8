"""The whole store read again: files, chain, published file, relations, and a sample of its numbers."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

from pipelines.integrity.chain_findings import chain_findings
from pipelines.integrity.dictionary_folders import DictionaryFolders
from pipelines.integrity.finding import Finding
from pipelines.integrity.folder_check import FolderManifest, folder_findings
from pipelines.integrity.number_findings import number_findings
from pipelines.integrity.other_files import other_findings, record_findings
from pipelines.integrity.published_findings import published_findings
from pipelines.integrity.relation_findings import relation_findings
from pipelines.integrity.stored_folders import StoredFolder, stored_folders
from pipelines.store.store import Store
from pipelines.store.store_version import require_known_layout
from sql.stored_partitions import Partition, StoredTables
from sql.warehouse import FEATURE_ACTIVATION
from storage.manifest import Manifest
from storage.table_schemas import tables

Report = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Scope:
    """What is looked at: everything, or what belongs to one model, or to one recipe."""

    model: str | None = None
    recipe: str | None = None

    def holds(self, stored: StoredFolder) -> bool:
        """Corpora, which models share, are looked at unless a recipe is named."""
        keys = stored.keys
        if "model_id" not in keys:
            return self.recipe is None
        return self.model in (None, keys["model_id"]) and self.recipe in (None, keys.get("recipe_id"))

    @property
    def is_everything(self) -> bool:
        return self.model is None and self.recipe is None


@dataclass
class Tally:
    """What was read."""

    folders: int = 0
    files: int = 0
    n_bytes: int = 0
    features: int = 0
    wrong: int = 0


@dataclass(frozen=True)
class Verification:
    """A verification of a store."""

    store: Store
    scope: Scope = Scope()
    sample: int | None = 20
    """Features of each dictionary whose numbers are made again; None for all."""
    report: Report = lambda what, done, total: None
    tally: Tally = field(default_factory=Tally)
    _damaged: set[str] = field(default_factory=set)

    def findings(self) -> Iterator[Finding]:
        """Everything that is wrong or unfinished, as it is found.

        Raises:
            AbsentFolder: If there is no store.
        """
        for finding in self._findings():
            self.tally.wrong += finding.is_wrong
            yield finding

    def _findings(self) -> Iterator[Finding]:
        layout = self.store.layout
        layout.root.require("the store", "correct GLASSHOUSE_HOME, or mount it")
        require_known_layout(layout.root)
        folders = [FolderManifest.of(each) for each in stored_folders(layout) if self.scope.holds(each)]
        yield from self._files(folders)
        yield from chain_findings(layout, folders)
        yield from self._numbers(folders)
        yield from record_findings(layout)
        if self.scope.is_everything:
            yield from other_findings(layout)
            yield from self._published(folders)

    def _files(self, folders: list[FolderManifest]) -> Iterator[Finding]:
        total = sum(each.n_bytes for each in folders)

        def read(n_bytes: int) -> None:
            self.tally.files += 1
            self.tally.n_bytes += n_bytes
            self.report("files (bytes)", self.tally.n_bytes, total)

        for each in folders:
            self.tally.folders += each.manifest is not None
            for finding in folder_findings(each, read):
                if finding.is_wrong:
                    self._damaged.add(each.stored.place)
                yield finding

    def _numbers(self, folders: list[FolderManifest]) -> Iterator[Finding]:
        """Of dictionaries; what is damaged is not read."""
        whole = {
            each.stored.place: each
            for each in folders
            if each.manifest is not None and each.stored.place not in self._damaged
        }
        for key in self.store.layout.dictionaries():
            if self.scope.model in (None, key[0]) and self.scope.recipe in (None, key[1]):
                of, name = DictionaryFolders.of(self.store.layout, key, whole), "/".join(key)
                n, findings = number_findings(of, self.sample, partial(self.report, f"{name} (shards)"))
                self.tally.features += n
                yield from findings

    def _published(self, folders: list[FolderManifest]) -> Iterator[Finding]:
        known = set(tables()) - {FEATURE_ACTIVATION}
        partitions = [
            _partition(each.stored, each.manifest)
            for each in folders
            if each.stored.table in known and each.manifest is not None
        ]
        differs = False
        for finding in published_findings(self.store.published, partitions):
            differs = True
            yield finding
        if not partitions:
            return
        self.report("relations", 0, 1)
        stored = StoredTables(self.store.layout.tables())
        yield from relation_findings(self.store.published, stored, is_current=not differs)
        self.report("relations", 1, 1)


def _partition(stored: StoredFolder, manifest: Manifest) -> Partition:
    assert stored.table is not None
    name = stored.place.split("/", 2)[2]
    return Partition(stored.table, name, stored.folder.url, manifest.identity_sha256, manifest.files)
