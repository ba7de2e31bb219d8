"""The published file, brought up to date: a new one is built beside it and takes its place in one step."""

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import duckdb
from filelock import FileLock, Timeout

from sql.build import PartitionHashes, RegistryRows, build, published_hashes
from sql.dropped_partitions import AT_MOST_HALF, AllowedDrops
from sql.left_out import LeftOutPartition
from sql.published_hash import announce, record
from sql.spare_file import keep_as_spare, require_room, settle_spare, take_spare
from sql.stored_partitions import StoredTables
from storage.remote_errors import Unreachable, remote_errors
from storage.unwritable import Unwritable

NO_ROWS: RegistryRows = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Published:
    """What a publication did: rows of each table, partitions (`table/model_id=…/…`) loaded and dropped, time, and the
    partitions that it went on without."""

    rows: dict[str, int]
    replaced: tuple[str, ...]
    dropped: tuple[str, ...]
    seconds: float
    left_out: tuple[LeftOutPartition, ...] = ()


def publish(
    published: Path,
    stored: StoredTables,
    *,
    registry: RegistryRows = NO_ROWS,
    allowed: AllowedDrops = AT_MOST_HALF,
    progress: Callable[[str], None] = lambda _: None,
) -> Published:
    """Brings the published file up to date with the store.

    The new file grows in a folder of its own beside the published one, so that only partitions whose identity or files
    changed are loaded: from a copy or, where it is large, from the one that was published before it and that nobody has
    open any more (`sql.spare_file`). Readers keep what they opened, the next to open sees the new one, and whatever
    fails leaves the old. Publishers of the same file wait for each other. A partition that does not hold what its
    manifest or the schema says is left out, and said: the others are published.

    Args:
        published: The DuckDB file that people query; made where there is none.
        stored: Where the store's Parquet tables lie.
        registry: What the registry says now: `registry_entry`, from which the view `stale` follows, and people's lists;
            and how runs went.
        allowed: Partitions that may go out of the file: at most half, if nothing is said.
        progress: Told of each partition before it is loaded.

    Raises:
        AbsentFolder: If the store's tables are not there.
        MostWouldBeDropped: If more would go than is allowed.
        ValueError: If the file in the way is not a Glasshouse warehouse.
        Unwritable: If the folder cannot be written, or is full.
        Unreachable: If the store is an object store, and does not answer.
    """
    start = time.perf_counter()
    stored.require()
    try:
        published.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(_lock_place(published), fallback_to_soft=False)  # goes with who holds it
        with lock, _building(published) as file, remote_errors():
            before = _start(file, published)
            built = build(file, stored, registry, progress, allowed, before)
            _put(file, published)
    except Unreachable:
        raise
    except (OSError, duckdb.IOException, duckdb.OutOfMemoryException) as error:
        raise Unwritable(
            f"{published} was not published ({error}); what stood there stays: see that {published.parent} can be "
            "written and has room for a second copy of the file, then publish again"
        ) from error
    return Published(built.rows, built.replaced, built.dropped, time.perf_counter() - start, built.left_out)


def _start(file: Path, published: Path) -> PartitionHashes:
    """What the new file grows from, and what the published one holds.

    Raises:
        ValueError: If the file in the way is somebody else's.
    """
    if not published.exists():
        return {}
    if take_spare(published, file):
        try:
            return published_hashes(published)
        except duckdb.Error:  # somebody has it open to write: a copy is read as well
            file.unlink()
    require_room(published)
    shutil.copyfile(published, file)
    try:
        return published_hashes(file)
    except duckdb.Error as error:
        raise ValueError(
            f"the file in the way is not a Glasshouse warehouse that this DuckDB ({duckdb.__version__}) can read "
            f"({str(error).strip().splitlines()[0]}): move it away, or set GLASSHOUSE_WAREHOUSE to another path"
        ) from error


def abandoned_build(published: Path) -> Path | None:
    """The folder of a new file that a killed publisher left; None where there is none, or its publisher is at work."""
    folder = _building_place(published)
    if not folder.exists():
        return None
    try:
        with FileLock(_lock_place(published), timeout=0, fallback_to_soft=False):
            return folder
    except Timeout:
        return None


def _lock_place(published: Path) -> Path:
    return published.parent / f".{published.name}.lock"


def _building_place(published: Path) -> Path:
    return published.parent / f".{published.name}.building"


@contextmanager
def _building(published: Path) -> Iterator[Path]:
    """A place for the new file; what a killed publisher left there is removed."""
    folder = _building_place(published)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    try:
        yield folder / published.name
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _put(file: Path, published: Path) -> None:
    with file.open("rb") as written:
        os.fsync(written.fileno())
    sha256, link = announce(file, published), keep_as_spare(published, file.parent)
    file.replace(published)
    settle_spare(link, published)
    record(sha256, published, file.parent)
    # A log beside the file is of the one that was there before, left by somebody who opened that to write.
    published.with_name(f"{published.name}.wal").unlink(missing_ok=True)
    folder = os.open(published.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
