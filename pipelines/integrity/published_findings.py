"""The published file held against what was published, and against the store."""

from collections.abc import Iterator
from pathlib import Path

from pipelines.integrity.finding import Finding
from sql.block_checksums import damaged_blocks
from sql.left_out import recorded_left_out
from sql.published_contents import PublishedRows, published_rows
from sql.published_hash import BY_BLOCKS, recorded_hashes
from sql.stored_partitions import Partition
from storage.manifest import sha256_of_file

_PUBLISH = "`glasshouse publish`"


def published_findings(published: Path, stored: list[Partition]) -> Iterator[Finding]:
    """What is wrong with the file, or with its content.

    Args:
        published: The file.
        stored: The partitions of the store that can be read; of tables that are published.
    """
    if not published.exists():
        if stored:
            yield Finding(str(published), "nothing is published", _PUBLISH, False)
        return
    if fault := _altered(published):
        yield Finding(str(published), fault, f"move it away, then {_PUBLISH}: the store has all of it")
        return
    try:
        loaded = {(each.table, each.partition): each for each in published_rows(published)}
        left_out = recorded_left_out(published)
    except Exception as error:  # DuckDB's, whatever it is: the file cannot be read
        what = f"it cannot be read ({str(error).splitlines()[0][:300]})"
        yield Finding(str(published), what, f"move it away, then {_PUBLISH}")
        return
    there = {(each.table, each.name): each for each in stored}
    for place in sorted(loaded.keys() | there.keys()):
        name = f"{published}, table {place[0]}, {place[1]}"
        if place not in loaded and place in left_out:
            left = left_out[place]
            yield Finding(name, f"in the store, left out of the publication ({left.found})", left.remedy)
        elif fault := _difference(loaded.get(place), there.get(place)):
            yield Finding(name, fault, _PUBLISH)


def _altered(published: Path) -> str | None:
    wanted = recorded_hashes(published)
    if BY_BLOCKS in wanted:
        places = damaged_blocks(published)
        return f"{len(places):,} of its blocks are damaged, the first at byte {places[0]:,}" if places else None
    if not wanted or (found := sha256_of_file(published)) in wanted:
        return None
    return f"it has sha256 {found}, {wanted[0]} was published: damaged, or somebody wrote to it"


def _difference(loaded: PublishedRows | None, stored: Partition | None) -> str | None:
    if loaded is None:
        return "in the store, not published"
    if loaded.n_there != loaded.n_loaded:
        return f"{loaded.n_there:,} rows, {loaded.n_loaded:,} were published"
    if stored is None:
        return "published, not in the store, or not readable there"
    if loaded.identity_sha256 != stored.identity_sha256:
        return "published as it was made from other cards or code than now in the store"
    if loaded.content_sha256 != stored.content_sha256:
        return "published from other files than now in the store"
    return None
