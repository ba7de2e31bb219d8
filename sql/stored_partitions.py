"""The store's Parquet tables, partition by partition, as their manifests vouch for them."""

import hashlib
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import unquote

from duckdb import DuckDBPyConnection
from fsspec import AbstractFileSystem

from storage.folder import Folder
from storage.manifest import NAME as MANIFEST
from storage.manifest import DamagedFile, Manifest, ManifestFile

Place = tuple[str, str]
"""A table, and the name of one of its partitions."""
PATIENCE_S, PAUSE_S = 2.0, 0.05
"""How long tables that a stage writes at once may be of two moments before they are taken for half written, and how
often they are read in the meantime."""
_HALF_WRITTEN = (
    "it is of another moment than what is written with it ({}): a run writes them now, or was stopped between them; "
    "what was published of them stays"
)


class BadPartition(ValueError):
    """A partition of the store does not hold what its manifest or the schema says. Materialize its asset again."""

    found: str
    """Which partition, and what was found."""

    def __init__(
        self, table: str, partition: str, what: str, remedy: str, files: tuple[ManifestFile, ...] = ()
    ) -> None:
        self.table, self.partition, self.remedy, self.files = table, partition, remedy, files
        self.found = f"table {table}, partition {partition}: {what}"
        super().__init__(f"{self.found}: {remedy}")


def keys_of(partition: str) -> dict[str, str]:
    """Values that a partition's name holds: `model_id=a/recipe_id=b` is {"model_id": "a", "recipe_id": "b"}."""
    return {key: unquote(value) for key, _, value in (part.partition("=") for part in partition.split("/"))}


@dataclass(frozen=True, slots=True)
class Partition:
    """One folder of a table, such as `feature/model_id=a/recipe_id=b`: what it was made from, and its files."""

    table: str
    name: str
    folder: str
    identity_sha256: str
    files: tuple[ManifestFile, ...]
    together: tuple[str, ...] = ()
    """The tables of which one stage writes this partition at once; empty where it is this one alone."""

    @property
    def place(self) -> tuple[str, str]:
        return self.table, self.name

    @property
    def keys(self) -> dict[str, str]:
        """Values of the columns that the folder's name holds and its files do not."""
        return keys_of(self.name)

    @property
    def rows(self) -> int:
        return sum(file.rows for file in self.files)

    @property
    def content_sha256(self) -> str:
        """Changes whenever a file does, even one made again from the same identity."""
        return hashlib.sha256("\n".join(file.sha256 for file in self.files).encode()).hexdigest()

    def fault(self, found: str) -> BadPartition:
        remedy = f"materialize the asset that writes {self.table} for it again ({self.folder})"
        return BadPartition(self.table, self.name, found, remedy, self.files)


@dataclass(frozen=True)
class StoredTables:
    """The folder `{home}/tables` of the store."""

    tables: Folder
    may_be_absent: bool = False
    """Whether it is as if empty where it is not there: for those who have just removed the last partition."""

    @property
    def is_local(self) -> bool:
        return self.tables.is_local

    @property
    def filesystem(self) -> AbstractFileSystem:
        return self.tables.filesystem

    @property
    def _base(self) -> str:
        return self.tables.path.rstrip("/")

    @property
    def url(self) -> str:
        """The folder as DuckDB names it: an absolute path, or with its protocol where it is not local."""
        return str(Path(self._base).absolute()) if self.is_local else self.filesystem.unstrip_protocol(self._base)

    def reach(self, con: DuckDBPyConnection) -> None:
        """Lets a connection read the store with this very filesystem, its credentials included."""
        if not self.is_local:
            con.register_filesystem(self.filesystem)

    def partitions(self, tables: set[str]) -> tuple[list[Partition], list[BadPartition]]:
        """Every partition of these tables that has a manifest, sorted, and an error for each whose manifest cannot be
        read, or which stands beside one of another moment though a stage writes both at once.

        Raises:
            AbsentFolder: If the tables are not there at all.
        """
        paths = [path for path in self._manifests if self._place(path)[0] in tables]
        if not paths:
            return [], []
        bodies = self.filesystem.cat(paths)
        assert isinstance(bodies, dict), "fsspec gives a mapping for a list of paths"
        found, unreadable = list[Partition](), list[BadPartition]()
        for path, body in sorted(bodies.items()):
            try:
                found.append(self._partition(path, body))
            except BadPartition as error:
                unreadable.append(error)
        torn = self._half_written(found := {each.place: each for each in found}, tables)
        return sorted(found.values(), key=lambda partition: partition.place), unreadable + torn

    def _half_written(self, found: dict[Place, Partition], tables: set[str]) -> list[BadPartition]:
        """Takes out, with an error each, what some of the tables hold that one stage writes at once and others do not:
        those that are still so after a while, in which whoever writes them would have ended."""
        end = time.monotonic() + PATIENCE_S
        while torn := [each for each in found.values() if _is_torn(found, each, tables)]:
            if time.monotonic() > end:
                return [found.pop(each.place).fault(_HALF_WRITTEN.format(", ".join(each.together))) for each in torn]
            time.sleep(PAUSE_S)
            places = [(table, each.name) for each in torn for table in each.together if table in tables]
            found |= {place: again for place in places if (again := self._read_again(*place))}
        return []

    def _read_again(self, table: str, name: str) -> Partition | None:
        """A partition as it is now; None where it is not there, or cannot be read."""
        try:
            body = (self.tables / table / name).read_bytes(MANIFEST)
            return self._partition(f"{self._base}/{table}/{name}/{MANIFEST}", body)
        except (FileNotFoundError, BadPartition):
            return None

    def has_changed_since(self, error: BadPartition) -> bool:
        """Whether a partition is written by somebody right now: its manifest is no longer the one that was read."""
        try:
            manifest = Manifest.read(self.tables / error.table / error.partition)
        except DamagedFile:
            return True
        return manifest is None or manifest.files != error.files

    def require(self) -> None:
        """Raises AbsentFolder if the tables are not there: no publication takes that for a store without any."""
        if not (self.may_be_absent and not self.tables.exists()):
            self.tables.require(
                "the folder of the store's tables",
                "nothing is published. Correct GLASSHOUSE_HOME, mount the store, or make something first (glasshouse "
                "run)",
            )

    @cached_property
    def _manifests(self) -> list[str]:
        self.require()
        if not self.tables.exists():
            return []
        return [f"{self._base}/{path}" for path in self.tables.files_below() if path.endswith("/" + MANIFEST)]

    def _place(self, manifest: str) -> tuple[str, str]:
        """Table and partition that a manifest's path names."""
        table, _, partition = manifest.rpartition("/")[0].rpartition(self._base + "/")[2].partition("/")
        return table, partition

    def _partition(self, path: str, body: bytes) -> Partition:
        table, name = self._place(path)
        folder = path.rpartition("/")[0]
        try:
            manifest = Manifest.parse(body, self.tables / table / name)
        except DamagedFile as error:
            raise BadPartition(table, name, error.found, error.remedy) from error
        return Partition(table, name, folder, manifest.identity_sha256, manifest.files, manifest.together)

    @contextmanager
    def verified(self, partition: Partition) -> Iterator[list[str]]:
        """Local paths of the partition's files, each compared with its manifest once in a process
        (`ManifestFile.reading`); downloaded if remote.

        Raises:
            BadPartition: Naming the file and its recorded sha256 when it is missing, cut short or altered.
        """
        folder = self.tables / partition.table / partition.name
        with ExitStack() as files:
            paths = []
            for file in partition.files:
                self.check_size(partition, file)
                with _blamed_on(partition):
                    paths.append(str(files.enter_context(file.reading(folder))))
            yield paths

    def check_size(self, partition: Partition, file: ManifestFile) -> None:
        """Raises BadPartition if a file is missing or has another size than was written."""
        with _blamed_on(partition):
            file.check_size(self.tables / partition.table / partition.name)


@contextmanager
def _blamed_on(partition: Partition) -> Iterator[None]:
    try:
        yield
    except DamagedFile as error:
        raise partition.fault(error.found) from error


def _is_torn(found: Mapping[Place, Partition], partition: Partition, tables: set[str]) -> bool:
    """Whether a partition stands beside one of another moment though a stage writes both at once.

    What a stage wrote once and writes no more, as its card changed, belongs to nothing that is there.
    """
    if _is_whole(found, partition, tables):
        return False
    places = [(table, partition.name) for table in partition.together if table != partition.table]
    others = [found[place] for place in places if place in found]
    return not others or not all(each.together and _is_whole(found, each, tables) for each in others)


def _is_whole(found: Mapping[Place, Partition], partition: Partition, tables: set[str]) -> bool:
    """Whether all that is written at once with a partition is there, of its moment."""
    for table in tables & set(partition.together):
        other = found.get((table, partition.name))
        if other is None or other.identity_sha256 != partition.identity_sha256:
            return False
        if other.together not in ((), partition.together):
            return False
    return True
