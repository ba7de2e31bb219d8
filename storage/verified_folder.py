"""A finished dataset's files, each compared with the manifest before it is read."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from storage.folder import Folder
from storage.manifest import DamagedFile, Manifest, ManifestFile


@dataclass(frozen=True, slots=True)
class VerifiedFolder(Folder):
    """A folder that holds what its manifest names and nothing else; once in a process the content of each file that is
    read is compared with its sha256 (`ManifestFile.reading`)."""

    manifest: Manifest = field(default_factory=lambda: Manifest({}))

    @classmethod
    def open(cls, folder: Folder) -> "VerifiedFolder | None":
        """The dataset in a folder; None where none was finished."""
        manifest = Manifest.read(folder)
        return None if manifest is None else cls(folder.url, manifest)

    def names(self) -> list[str]:
        return sorted(entry.name for entry in self.manifest.files)

    def exists(self, name: str = "") -> bool:
        return (not name or name in self.names()) and Folder.exists(self, name)

    @contextmanager
    def reading(self, name: str) -> Iterator[Path]:
        """A local path that holds the file while the block lasts.

        Raises:
            DamagedFile: If the file is not of the dataset, is missing or was altered.
        """
        with self._entry(name).reading(Folder(self.url)) as path:
            yield path

    def read_bytes(self, name: str) -> bytes:
        """The file's content; raises as `reading`."""
        with self.reading(name) as path:
            return path.read_bytes()

    def _entry(self, name: str) -> ManifestFile:
        for entry in self.manifest.files:
            if entry.name == name:
                return entry
        held = ", ".join(self.names()) or "none"
        raise DamagedFile.of(self, f"{name} is no file of this dataset ({held})")
