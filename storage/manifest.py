"""What a finished dataset was made from and what it holds; written last, so that a dataset exists when its manifest
does."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from storage.folder import Folder
from storage.sealed_json import check_seal, sealed

NAME = "_manifest.json"
SCHEMA_VERSION = 2
"""2: the file ends with the sha256 of what stands before it. 1: nothing vouches for the manifest itself."""
_SEAL = "manifest_sha256"
TOGETHER = "together"
"""The fact of which `Manifest.together` is read."""
_compared: set[tuple[str, str, str]] = set()
"""Files whose content was compared with their entries in this process: where, sha256, version."""


class DamagedFile(ValueError):
    """A file in the store is missing, cut short or altered. Delete the dataset and materialize its asset again."""

    found: str = ""
    """What was found, its folder left out."""
    remedy: str = ""

    @classmethod
    def of(cls, folder: Folder, found: str, remedy: str = "") -> "DamagedFile":
        """Names the folder, what was found in it, and what to do: if nothing else, to make the dataset again."""
        remedy = remedy or f"delete {folder} and materialize its asset again"
        error = cls(f"{folder}/{found}: {remedy}")
        error.found, error.remedy = found, remedy
        return error


def sha256_of(value: Mapping[str, Any]) -> str:
    """Hash of a JSON-able mapping that does not depend on the order of its keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()


def _check_version(body: bytes, version: Any) -> None:
    """Raises ValueError if a manifest is of no known version, or is not what was written."""
    if version not in range(1, SCHEMA_VERSION + 1):
        raise ValueError(f"its schema version is {version!r}: update Glasshouse if a newer one wrote it")
    if version > 1:
        check_seal(body, _SEAL)


def sha256_of_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@dataclass(frozen=True, slots=True)
class ManifestFile:
    """One file of a dataset, as it was when it was written."""

    name: str
    rows: int
    bytes: int
    sha256: str

    @classmethod
    def of(cls, path: Path, name: str, rows: int) -> "ManifestFile":
        return cls(name, rows, path.stat().st_size, sha256_of_file(path))

    @classmethod
    def written(cls, folder: Folder, name: str, rows: int) -> "ManifestFile":
        """The entry of a file that lies in its folder already; this counts as its comparison."""
        with folder.reading(name) as path:
            entry = cls.of(path, name, rows)
        entry.remember(folder)
        return entry

    def remember(self, folder: Folder) -> None:
        """Counts a file in this folder as compared: who calls this has hashed the same bytes just now."""
        _compared.add(self.compared(folder))

    @classmethod
    def parse(cls, entry: Mapping[str, Any]) -> "ManifestFile":
        """One entry of a manifest's list of files.

        Raises:
            ValueError: If its name is not that of a file in the dataset's own folder.
        """
        name = entry["name"]
        if not isinstance(name, str) or name in ("", ".", "..") or {"/", "\\", "\0"} & set(name):
            raise ValueError(f"it names the file {name!r}, wanted one in this folder")
        return cls(name, int(entry["rows"]), int(entry["bytes"]), entry["sha256"])

    def compared(self, folder: Folder) -> tuple[str, str, str]:
        """The key under which a comparison is remembered: for as long as the file's size and time of change (on S3 its
        ETag) are the same."""
        return f"{folder}/{self.name}", self.sha256, folder.version(self.name)

    @contextmanager
    def reading(self, folder: Folder) -> Iterator[Path]:
        """A local path that holds the file while the block lasts; its content is compared once in a process.

        Raises:
            DamagedFile: If the file is missing, or its sha256 is not the recorded one.
        """
        try:
            key = self.compared(folder)
        except FileNotFoundError:
            raise self.missing(folder) from None
        with folder.reading(self.name) as path:
            if key not in _compared:
                actual = sha256_of_file(path)
                if actual != self.sha256:
                    raise DamagedFile.of(folder, f"{self.name} has sha256 {actual}, {self.sha256} was written")
                _compared.add(key)
            yield path

    def missing(self, folder: Folder) -> DamagedFile:
        """Of a file that is not there; raises AbsentFolder if the whole store is not."""
        folder.require_bucket()
        return DamagedFile.of(folder, f"{self.name} is missing; its sha256 was {self.sha256}")

    def lies_in(self, folder: Folder) -> bool:
        """Whether the folder holds the file, with as many bytes."""
        try:
            return folder.size(self.name) == self.bytes
        except FileNotFoundError:
            return False

    def check_size(self, folder: Folder) -> None:
        """Raises DamagedFile if the file is missing or has another size."""
        try:
            size = folder.size(self.name)
        except FileNotFoundError:
            raise self.missing(folder) from None
        if size != self.bytes:
            raise DamagedFile.of(
                folder, f"{self.name} has {size:,} bytes, {self.bytes:,} were written (sha256 {self.sha256})"
            )


@dataclass(frozen=True, slots=True)
class Manifest:
    """Identity (what the dataset was made from), its files, and facts worth keeping that are not identity."""

    identity: dict[str, Any]
    files: tuple[ManifestFile, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)
    schema_version: int = SCHEMA_VERSION

    @property
    def identity_sha256(self) -> str:
        return sha256_of(self.identity)

    @property
    def rows(self) -> int:
        return sum(file.rows for file in self.files)

    @property
    def together(self) -> tuple[str, ...]:
        """Of a partition of a table: the tables of which one stage writes it at once, sorted. All are of one identity,
        or some were not written yet. Empty where the table stands alone."""
        return tuple(self.facts.get(TOGETHER, ()))

    def write(self, folder: Folder) -> None:
        """Makes the folder this dataset: files that it does not name, left by an earlier one or by a writer that was
        killed, are deleted."""
        body = asdict(self) | {"schema_version": SCHEMA_VERSION, "identity_sha256": self.identity_sha256}
        folder.write_bytes(NAME, sealed(json.dumps(body, indent=1, default=str), _SEAL))
        for left in sorted(set(folder.names()) - {NAME} - {entry.name for entry in self.files}):
            folder.remove(left)
        folder.sweep()

    @classmethod
    def read(cls, folder: Folder) -> "Manifest | None":
        """The manifest of a finished dataset; None where there is none yet."""
        if not folder.exists(NAME):
            return None
        return cls.parse(folder.read_bytes(NAME), folder)

    @classmethod
    def parse(cls, body: bytes, folder: Folder) -> "Manifest":
        """The manifest that a file says, for those who read many files at once.

        Raises:
            DamagedFile: Naming the folder, if the file is not a manifest.
        """
        try:
            said = json.loads(body)
            files = tuple(ManifestFile.parse(entry) for entry in said["files"])
            _check_version(body, said["schema_version"])
            manifest = cls(dict(said["identity"]), files, dict(said["facts"]), said["schema_version"])
            if not all(isinstance(table, str) for table in manifest.together):
                raise ValueError("the tables that it is written with are no names")
            if said["identity_sha256"] != manifest.identity_sha256:
                raise ValueError(f"the sha256 of its identity is {manifest.identity_sha256}, it says another")
            return manifest
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
            raise DamagedFile.of(
                folder,
                f"{NAME} is not a manifest of schema version 1 to {SCHEMA_VERSION} ({type(error).__name__}: {error})",
            ) from error

    @classmethod
    def find_current(cls, folder: Folder, identity: Mapping[str, Any]) -> "Manifest | None":
        """The manifest of a folder whose dataset has this identity; None where there is none, or another."""
        manifest = cls.read(folder)
        return manifest if manifest is not None and manifest.identity == identity else None

    def check(self, folder: Folder, *, content: bool = True) -> None:
        """Compares every file with its entry: size always, content (sha256) unless told not to.

        A file whose content was compared in this process is not read again (`ManifestFile.reading`).

        Raises:
            DamagedFile: Naming the file, its recorded sha256 and what was found.
        """
        for entry in self.files:
            if not folder.exists(entry.name):
                raise entry.missing(folder)
            entry.check_size(folder)
            if content and entry.compared(folder) not in _compared:
                with entry.reading(folder):
                    pass
