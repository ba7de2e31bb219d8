"""A folder of the store that a removal takes: how much it holds, and what of it is published."""

from dataclasses import dataclass

from sql.dropped_partitions import PublishedPartition
from storage.folder import Folder
from storage.local_files import BrokenLink
from storage.manifest import NAME as MANIFEST
from storage.manifest import DamagedFile, Manifest


@dataclass(frozen=True, slots=True)
class StoredPart:
    """A folder with all that lies below it, which may be several partitions of one table."""

    folder: Folder
    name: str
    rows: int
    n_bytes: int
    published: tuple[PublishedPartition, ...] = ()

    @classmethod
    def of(cls, folder: Folder, name: str, table: str = "", place: str = "") -> "StoredPart":
        """Counts what lies in a folder.

        Args:
            table: Of which it is a part; empty where it is no part of a table.
            place: The partition, such as `model_id=a/recipe_id=b`.
        """
        files = folder.files_below()
        inside = [file.removesuffix(MANIFEST).rstrip("/") for file in files if file.rsplit("/", 1)[-1] == MANIFEST]
        published = tuple((table, f"{place}/{each}".rstrip("/")) for each in inside) if table else ()
        rows = sum(_rows(folder / each if each else folder) for each in inside)
        return cls(folder, name, rows, sum(_size(folder, file) for file in files), published)


def readable_manifest(folder: Folder) -> Manifest | None:
    """The manifest of a folder; None where there is none, or a damaged one."""
    try:
        return Manifest.read(folder)
    except (DamagedFile, BrokenLink):
        return None


def _rows(folder: Folder) -> int:
    """By the manifest; none where it is damaged, for that is why a partition may have to go."""
    manifest = readable_manifest(folder)
    return manifest.rows if manifest else 0


def _size(folder: Folder, file: str) -> int:
    try:
        return folder.size(file)
    except BrokenLink:
        return 0
