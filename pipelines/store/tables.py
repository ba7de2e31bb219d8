"""Partitions of the store's tables: Parquet files under a manifest, replaced whole or not at all."""

import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Union

from pipelines.registry.registry import SAERegistration
from pipelines.store.layout import StoreLayout
from storage.folder import Folder
from storage.manifest import TOGETHER, Manifest, ManifestFile

if TYPE_CHECKING:
    import pyarrow as pa


class MissingDataset(ValueError):
    """An asset reads what was not made, or was made from other cards. Materialize the asset that the message names."""


@dataclass(frozen=True, slots=True)
class FileAside:
    """A Parquet file that lies elsewhere, hashed once; a copy that is damaged is found when it is read."""

    path: Path
    entry: ManifestFile

    @classmethod
    def of(cls, path: Path, rows: int) -> "FileAside":
        return cls(path, ManifestFile.of(path, path.name, rows))


Part = Union["pa.Table", FileAside, ManifestFile]
"""Rows, a file that lies elsewhere, or one that was written into the folder already."""


def replace_partition(
    folder: Folder,
    parts: "Iterable[Part]",
    identity: dict[str, Any],
    facts: dict[str, Any] | None = None,
) -> Manifest:
    """Makes parts the whole content of a partition: files that are not among them are deleted.

    Names of files tell identities apart: until the manifest is replaced, the old one still speaks of the old files.

    Args:
        parts: Rows, files that lie elsewhere, or files that were written into the folder already.
    """
    manifest = Manifest(identity, _files(folder, parts, identity), facts or {})
    manifest.write(folder)
    return manifest


def replace_together(
    folders: Mapping[str, Folder],
    parts: "Mapping[str, Iterable[Part]]",
    identity: dict[str, Any],
    facts: dict[str, Any] | None = None,
) -> None:
    """Writes a partition of several tables, by their names, that one stage makes at once: all files before the first
    manifest, so that the tables are of two moments for as short as can be. A publication takes in all of them or none.
    Those that are there with this identity are left as they are.
    """
    absent = {name: folder for name, folder in folders.items() if not Manifest.find_current(folder, identity)}
    written = {name: _files(folder, parts[name], identity) for name, folder in absent.items()}
    for name, folder in absent.items():
        Manifest(identity, written[name], (facts or {}) | {TOGETHER: sorted(folders)}).write(folder)


def _files(folder: Folder, parts: "Iterable[Part]", identity: dict[str, Any]) -> tuple[ManifestFile, ...]:
    prefix = f"part-{Manifest(identity).identity_sha256[:12]}"
    return tuple(_file(folder, f"{prefix}-{number:05d}.parquet", part) for number, part in enumerate(parts))


def _file(folder: Folder, name: str, part: "Part") -> ManifestFile:
    if isinstance(part, ManifestFile):
        return part
    with folder.writing(name) as path:
        if isinstance(part, FileAside):
            shutil.copyfile(part.path, path)
            return replace(part.entry, name=name)
        import pyarrow.parquet as pq

        pq.write_table(part, path, compression="zstd")
        return ManifestFile.of(path, name, part.num_rows)


@dataclass(frozen=True, slots=True)
class TableStore:
    """Reads and writes partitions of tables."""

    layout: StoreLayout

    def write(
        self, folder: Folder, rows: "pa.Table", identity: dict[str, Any], facts: dict[str, Any] | None = None
    ) -> Manifest:
        """Writes one partition; one that is there with this identity is left as it is."""
        return Manifest.find_current(folder, identity) or replace_partition(folder, [rows], identity, facts)

    def write_together(
        self,
        folders: Mapping[str, Folder],
        rows: "Mapping[str, pa.Table]",
        identity: dict[str, Any],
        facts: dict[str, Any] | None = None,
    ) -> None:
        """Writes the same partition of several tables, by their names, as `replace_together`."""
        replace_together(folders, {name: [table] for name, table in rows.items()}, identity, facts)

    def read(self, name: str, registration: SAERegistration) -> "pa.Table":
        """One partition of a table, its files compared with their sha256.

        Raises:
            MissingDataset: If the partition was never written.
        """
        return _rows(self.layout.table(name, registration), self.manifest_of(name, registration))

    def read_rows(self, folder: Folder) -> list[dict[str, Any]]:
        """The rows of a partition, its files compared with their sha256; none where nothing was written."""
        manifest = Manifest.read(folder)
        return _rows(folder, manifest).to_pylist() if manifest and manifest.files else []

    def manifest_of(self, name: str, registration: SAERegistration) -> Manifest:
        """The manifest of one partition of a table; raises as `read`."""
        folder = self.layout.table(name, registration)
        manifest = Manifest.read(folder)
        if manifest is None:
            if absent := self.layout.absence():
                raise MissingDataset(f"{registration.sae_id}: {absent}")
            raise MissingDataset(
                f"{registration.sae_id}: {folder} is empty: materialize the asset that writes `{name}` for this "
                "partition first"
            )
        return manifest

    def row_count(self, name: str, registration: SAERegistration) -> int:
        """Rows of one partition of a table, by its manifest."""
        manifest = Manifest.read(self.layout.table(name, registration))
        return manifest.rows if manifest else 0


def _rows(folder: Folder, manifest: Manifest) -> "pa.Table":
    import pyarrow as pa
    import pyarrow.parquet as pq

    parts = []
    for file in manifest.files:
        with file.reading(folder) as path:
            parts.append(pq.read_table(path))
    return pa.concat_tables(parts)
