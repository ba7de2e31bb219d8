"""A warehouse file made equal to the store, partition by partition."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
from duckdb import DuckDBPyConnection

from sql.catalog import literal, quoted, table_layouts
from sql.consistency import inspect_changes
from sql.dropped_partitions import AllowedDrops, PublishedPartition
from sql.empty_warehouse import empty_warehouse
from sql.left_out import LeftOutPartition, write_left_out
from sql.load import load, remove
from sql.sql_files import sql_files
from sql.stored_partitions import BadPartition, Partition, StoredTables, keys_of
from sql.views import define_stored_codes, define_views, stored_code_files, views_sha256
from sql.warehouse import FEATURE_ACTIVATION, create, schema_sha256
from storage.table_schemas import tables

RegistryRows = Mapping[str, Sequence[tuple[Any, ...]]]
"""Rows of tables that are no partitions of the store (what the registry says, how runs went), by table: all of each, at
each publication."""


PartitionHashes = Mapping[PublishedPartition, list[str]]
"""By table and partition, the hashes of what it was made from and of its files."""


@dataclass(frozen=True, slots=True)
class Built:
    """Rows of each table, and the partitions (`table/model_id=…/…`) that were loaded and dropped."""

    rows: dict[str, int]
    replaced: tuple[str, ...]
    dropped: tuple[str, ...]
    left_out: tuple[LeftOutPartition, ...] = ()
    """What could not be read of the store."""


MOST_CHANGES = 3
"""Times that a partition may be written again while it is read."""


def build(
    file: Path,
    stored: StoredTables,
    registry: RegistryRows,
    progress: Callable[[str], None],
    allowed: AllowedDrops,
    published: PartitionHashes,
) -> Built:
    """Makes the file equal to the store; it may be missing, or be as any earlier publication left it.

    A partition that does not hold what its manifest or the schema says is left out; where DuckDB says so, the file is
    made once more without it, for an error ends the transaction. What was published of it goes, for the store says
    another thing now; only where its manifest cannot be read, nothing says so, and it stays.

    Args:
        published: What people read now: what is replaced and dropped is said against it.

    Raises:
        MostWouldBeDropped: If most of what is published would go, and that is not allowed.
    """
    _discard_other_schema(file)
    left_out, changes = dict[PublishedPartition, BadPartition](), 0
    while True:
        try:
            return _built(file, stored, registry, progress, allowed, published, left_out)
        except BadPartition as error:
            if changes < MOST_CHANGES and stored.has_changed_since(error):
                changes += 1
            else:
                left_out[error.table, error.partition] = error


def _built(
    file: Path,
    stored: StoredTables,
    registry: RegistryRows,
    progress: Callable[[str], None],
    allowed: AllowedDrops,
    published: PartitionHashes,
    left_out: dict[PublishedPartition, BadPartition],
) -> Built:
    """Adds what cannot be read to `left_out`; raises BadPartition, and leaves the file as it was, for one at which
    DuckDB ended the transaction, or that somebody is writing."""
    if not file.exists():
        file.write_bytes(empty_warehouse())
    with closing(create(file)) as con:
        stored.reach(con)
        con.execute("begin")  # one commit for all: nobody looks before the file is whole
        layouts = table_layouts(con)
        every, unreadable = stored.partitions(known := layouts.keys() & set(tables()))
        readable = [partition for partition in every if partition.place not in left_out]
        stay = {(error.table, error.partition) for error in unreadable}
        recorded = recorded_hashes(con)
        replaced, dropped = partition_changes(recorded, readable, stay)
        changed = [name for _, name in dropped] + [partition.name for partition in replaced]
        for table, name in dropped:
            delete_partition(con, table, name)
        for partition in list(replaced):
            progress(f"loading {partition.rows:,} rows of {partition.table}, {partition.name}")
            if partition.place in recorded:
                delete_partition(con, partition.table, partition.name)
            try:
                load(con, stored, partition, layouts[partition.table])
            except BadPartition as error:
                if isinstance(error.__cause__, duckdb.Error) or stored.has_changed_since(error):
                    raise
                left_out[partition.place] = error
                replaced.remove(partition)
        record_partitions(con, replaced)
        places = {partition.place for partition in readable} - left_out.keys() | stay
        allowed.check({place for place in published if place[0] in known}, places, stored.url)
        codes, n_codes, bad_codes = stored_code_files(stored)
        bring_views_up_to_date(con, codes)
        refresh_derived(con, changed)
        insert_registry_rows(con, registry, layouts)
        missing = tuple(map(LeftOutPartition.of, (*left_out.values(), *unreadable, *bad_codes)))
        write_left_out(con, missing)
        rows = counted_rows(con, layouts) | {FEATURE_ACTIVATION: n_codes}
        filled = {table for table, n in rows.items() if n}
        rules = inspect_changes(con, _changed_dictionaries(changed), layouts, filled)
        write_publication_row(con, stored, schema_sha256(), rules, views_sha256())
        con.execute("delete from _table_rows")
        con.execute(
            "insert into _table_rows select unnest($1), unnest($2)", list(zip(*sorted(rows.items()), strict=True))
        )
        con.execute("commit")
        con.execute("checkpoint")
    loaded = tuple(f"{p.table}/{p.name}" for p in readable if _is_new(p, published) and p.place not in left_out)
    gone = sorted({place for place in published if place[0] in known} - places)
    return Built(rows, loaded, tuple(f"{table}/{name}" for table, name in gone), missing)


def _is_new(partition: Partition, published: PartitionHashes) -> bool:
    return published.get(partition.place) != [partition.identity_sha256, partition.content_sha256]


def published_hashes(file: Path) -> PartitionHashes:
    """Every partition of a published file, with the hashes of identity and content; none of those of another schema
    are known, for its rows are loaded again.

    Raises:
        duckdb.Error: If it cannot be read, is somebody else's, or is open to write elsewhere.
    """
    with closing(duckdb.connect()) as con:
        con.execute(f"attach {literal(str(file))} as warehouse (read_only); use warehouse")
        [(schema,)] = con.execute("select schema_sha256 from _publication").fetchall()
        found = recorded_hashes(con)
    return found if schema == schema_sha256() else {place: [] for place in found}


def recorded_hashes(con: DuckDBPyConnection) -> PartitionHashes:
    recorded = con.execute("select table_name, partition, identity_sha256, content_sha256 from _partition")
    return {(table, name): hashes for table, name, *hashes in recorded.fetchall()}


def _discard_other_schema(file: Path) -> None:
    """A file of another schema is built anew from the store, which is the truth."""
    if file.exists():
        with closing(create(file)) as con:
            [(schema,)] = con.execute("select schema_sha256 from _publication").fetchall()
        if schema != schema_sha256():
            file.unlink()


def partition_changes(
    recorded: PartitionHashes, stored: Sequence[Partition], stay: set[PublishedPartition]
) -> tuple[list[Partition], list[PublishedPartition]]:
    """Partitions to load, because they are new or another, and those that vanished from the store, but for those that
    stay as they are."""
    replaced = [partition for partition in stored if _is_new(partition, recorded)]
    return replaced, sorted(recorded.keys() - {partition.place for partition in stored} - stay)


def delete_partition(con: DuckDBPyConnection, table: str, name: str) -> None:
    con.execute("delete from _partition where table_name = $1 and partition = $2", [table, name])
    remove(con, table, keys_of(name))


def record_partitions(con: DuckDBPyConnection, loaded: Sequence[Partition]) -> None:
    rows = [(each.table, each.name, each.identity_sha256, each.content_sha256, each.rows) for each in loaded]
    if rows:
        columns = ", ".join(f"unnest(${place})" for place in range(1, 6))
        con.execute(f"insert into _partition select {columns}", list(zip(*rows, strict=True)))


def bring_views_up_to_date(con: DuckDBPyConnection, codes: Sequence[str]) -> None:
    """Defines views, macros and functions, or where the file has the same already, only that of the stored codes."""
    if con.execute("select views_sha256 from _publication").fetchall() == [(views_sha256(),)]:
        define_stored_codes(con, codes)
    else:
        define_views(con, codes)


def refresh_derived(con: DuckDBPyConnection, changed: Iterable[str]) -> None:
    """Works out again what is derived from several tables, for the dictionaries of which some partition changed."""
    pairs = {
        (keys["model_id"], keys["recipe_id"])
        for keys in map(keys_of, changed)
        if {"model_id", "recipe_id"} <= keys.keys()
    }
    if not pairs:
        return
    con.execute("create temp table touched (model_id varchar, recipe_id varchar)")
    con.executemany("insert into touched values ($1, $2)", sorted(pairs))
    for text in sql_files("derived"):
        con.execute(text.sql)
    con.execute("drop table touched")


def _changed_dictionaries(changed: Iterable[str]) -> set[tuple[str, str]] | None:
    """Those of which a partition changed; None where one changed that several dictionaries may refer to."""
    keys = [keys_of(name) for name in changed]
    if any(not {"recipe_id", "experiment_id"} & each.keys() for each in keys):
        return None
    return {(each["model_id"], each["recipe_id"]) for each in keys if "recipe_id" in each}


def insert_registry_rows(con: DuckDBPyConnection, registry: RegistryRows, names: Iterable[str]) -> None:
    """Replaces what tables have rows of the registry, of those with these names."""
    for table in set(names) - set(tables()):
        con.execute(f"delete from {quoted(table)}")
    for table, rows in registry.items():
        if rows:
            values = ", ".join(f"${place}" for place in range(1, len(rows[0]) + 1))
            con.executemany(f"insert into {quoted(table)} values ({values})", [list(row) for row in rows])


def write_publication_row(con: DuckDBPyConnection, stored: StoredTables, schema: str, rules: str, views: str) -> None:
    """The arguments but for the first two are hashes."""
    con.execute("delete from _publication")
    row = [stored.url, schema, rules, views]
    con.execute("insert into _publication values (now()::timestamp, $1, $2, $3, $4)", row)


def counted_rows(con: DuckDBPyConnection, names: Iterable[str]) -> dict[str, int]:
    """Rows of each of these tables, compared with what its partitions brought."""
    promised = dict(con.execute("select table_name, sum(n_rows)::bigint from _partition group by all").fetchall())
    counts = " union all ".join(f"select {literal(name)}, count(*) from {quoted(name)}" for name in names)
    rows = dict(con.execute(counts).fetchall())
    for table in rows.keys() & set(tables()):
        assert rows[table] == promised.get(table, 0), (
            f"{table} has {rows[table]:,} rows, its partitions brought {promised.get(table, 0):,}"
        )
    return rows
