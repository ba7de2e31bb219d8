"""One folder of the store held against its manifest: every file read again, byte by byte."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pipelines.integrity.file_formats import format_fault
from pipelines.integrity.finding import Finding
from pipelines.integrity.stored_folders import StoredFolder
from storage.folder import LEFT_BEHIND
from storage.local_files import BrokenLink
from storage.manifest import NAME as MANIFEST
from storage.manifest import DamagedFile, Manifest, ManifestFile, sha256_of_file

_UNSEALED = 1
"""Schema version of manifests that nothing vouches for."""
Report = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class FolderManifest:
    """A folder of the store with its manifest, or why there is none."""

    stored: StoredFolder
    manifest: Manifest | None
    fault: str = ""

    @classmethod
    def of(cls, stored: StoredFolder) -> "FolderManifest":
        try:
            return cls(stored, Manifest.read(stored.folder))
        except DamagedFile as error:
            return cls(stored, None, error.found.removeprefix(f"{MANIFEST} "))
        except BrokenLink as error:
            return cls(stored, None, str(error))

    @property
    def n_bytes(self) -> int:
        return sum(entry.bytes for entry in self.manifest.files) if self.manifest else 0


def folder_findings(found: FolderManifest, read: Report = lambda n_bytes: None) -> Iterator[Finding]:
    """What is wrong in a folder.

    Args:
        found: The folder.
        read: Told of the bytes that were read.
    """
    stored, manifest = found.stored, found.manifest
    if found.fault:
        yield Finding(f"{stored.place}/{MANIFEST}", found.fault, stored.remedy)
        return
    if manifest is None:
        yield from _unfinished(stored)
        return
    if manifest.schema_version == _UNSEALED:
        what = "it was written before manifests had a sha256 of their own, and is believed"
        yield Finding(f"{stored.place}/{MANIFEST}", what, "nothing needs to be done", False)
    for entry in manifest.files:
        if fault := _file_fault(stored, entry):
            yield Finding(f"{stored.place}/{entry.name}", fault, stored.remedy)
        read(entry.bytes)
    yield from _unnamed(stored, manifest)


def _file_fault(stored: StoredFolder, entry: ManifestFile) -> str | None:
    """Size, then sha256, then format: whether or not this process has compared it before."""
    try:
        entry.check_size(stored.folder)
        with stored.folder.reading(entry.name) as path:
            actual = sha256_of_file(path)
            if actual != entry.sha256:
                return f"it has sha256 {actual}, {entry.sha256} was written"
            return format_fault(path, entry, stored.table)
    except DamagedFile as error:
        return error.found.removeprefix(f"{entry.name} ")
    except (FileNotFoundError, BrokenLink) as error:
        return f"it cannot be read ({error})"


def _unfinished(stored: StoredFolder) -> Iterator[Finding]:
    """A folder without a manifest holds nothing yet: the next run goes on there."""
    if names := stored.folder.names():
        what = f"{len(names):,} files and no manifest: a run is at work here, or was stopped"
        yield Finding(stored.place, what, f"`{stored.command}` goes on; `glasshouse gc` says if nothing does", False)


def _unnamed(stored: StoredFolder, manifest: Manifest) -> Iterator[Finding]:
    """Files that no manifest vouches for; a young one may be that of a run at work, before its manifest."""
    for name in sorted(set(stored.folder.names()) - {MANIFEST} - {entry.name for entry in manifest.files}):
        try:
            is_old = stored.folder.age(name) > LEFT_BEHIND
        except FileNotFoundError:
            continue
        remedy = "`glasshouse gc --delete` removes it unless a run goes on with it"
        yield Finding(f"{stored.place}/{name}", "no manifest names it", remedy, is_old)
