"""A lake brought up to date with the store: every changed partition replaced in one transaction, its rows copied.

What is registered in a lake instead of copied belongs to it, and its cleanup deletes it: the store is the truth, so
nothing of it is registered. Deleting and inserting conflicts between publishers even of different partitions: one works
at a time, by a lock of Postgres that goes with its connection.
"""

import hashlib
import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import duckdb
from duckdb import DuckDBPyConnection

from sql.build import (
    MOST_CHANGES,
    RegistryRows,
    counted_rows,
    delete_partition,
    insert_registry_rows,
    partition_changes,
    record_partitions,
    recorded_hashes,
    refresh_derived,
    write_publication_row,
)
from sql.catalog import literal, quoted, table_layouts, table_names
from sql.consistency import rules_sha256
from sql.lake.lake_address import CATALOG_NAME, NAME, LakeAddress
from sql.left_out import LeftOutPartition, write_left_out
from sql.load import load
from sql.publish import NO_ROWS, Published
from sql.sql_files import sql_files
from sql.stored_partitions import BadPartition, Partition, StoredTables
from sql.views import stored_code_files, views_sha256
from sql.warehouse import FEATURE_ACTIVATION, define
from storage.remote_errors import remote_errors
from storage.table_schemas import tables

KEPT_DAYS = 7
"""How long readers may look at what was replaced; older snapshots go, and their files with them."""


def publish_lake(
    address: LakeAddress,
    stored: StoredTables,
    *,
    registry: RegistryRows = NO_ROWS,
    progress: Callable[[str], None] = lambda _: None,
) -> Published:
    """Makes the lake equal to the store. Readers see the lake before or after, never between.

    Values are held to the checks of the schema in memory first, a partition at a time, for a lake has none. What
    several tables say of each other is not looked at: the publication of the file does.

    Raises:
        AbsentFolder: If the store's tables are not there.
        LakeUnavailable: If the lake cannot be reached.
    """
    start = time.perf_counter()
    stored.require()
    with sole_publisher(address), closing(address.connect(read_only=False)) as con, remote_errors():
        stored.reach(con)
        for change in itertools.count():
            con.execute("begin")
            try:
                if _version(con) != lake_sha256():
                    _define(con)
                published = _equal(con, stored, registry, progress, start, may_change=change < MOST_CHANGES)
            except BadPartition:  # somebody is writing it: the lake stays as it was, and all is read again
                con.execute("rollback")
            else:
                con.execute("commit")
                break
        _forget(con)
    return published


def _equal(
    con: DuckDBPyConnection,
    stored: StoredTables,
    registry: RegistryRows,
    progress: Callable[[str], None],
    start: float,
    *,
    may_change: bool,
) -> Published:
    """Raises BadPartition for one that somebody is writing, if it `may_change`; otherwise it is left out."""
    every, unreadable = stored.partitions(set(table_names(con)) & set(tables()))
    stay = {(error.table, error.partition) for error in unreadable}
    recorded = recorded_hashes(con)
    replaced, dropped = partition_changes(recorded, every, stay)
    changed = [name for _, name in dropped] + [partition.name for partition in replaced]
    left_out = list[BadPartition]()
    with closing(duckdb.connect()) as checked:
        define(checked)
        layouts = table_layouts(checked)
        for table, name in dropped:
            delete_partition(con, table, name)
        for partition in list(replaced):
            progress(f"loading {partition.rows:,} rows of {partition.table}, {partition.name}")
            if partition.place in recorded:
                delete_partition(con, partition.table, partition.name)
            try:
                load(checked, stored, partition, layouts[partition.table])
            except BadPartition as error:
                if may_change and stored.has_changed_since(error):
                    raise
                left_out.append(error)
                replaced.remove(partition)
                continue
            _copy(checked, con, partition)
            record_partitions(con, [partition])
    refresh_derived(con, changed)
    insert_registry_rows(con, registry, layouts)
    codes, n_codes, bad_codes = stored_code_files(stored)
    missing = tuple(map(LeftOutPartition.of, (*left_out, *unreadable, *bad_codes)))
    write_left_out(con, missing)
    _define_codes(con, codes)
    rows = counted_rows(con, layouts)
    write_publication_row(con, stored, lake_sha256(), rules_sha256(con), views_sha256())
    names = tuple(f"{partition.table}/{partition.name}" for partition in replaced)
    gone = tuple(f"{table}/{name}" for table, name in dropped)
    return Published(rows | {FEATURE_ACTIVATION: n_codes}, names, gone, time.perf_counter() - start, missing)


@contextmanager
def sole_publisher(address: LakeAddress) -> Iterator[None]:
    """While the lake is changed: holds a transaction of Postgres that has its advisory lock; Postgres frees it however
    the publisher ends. Raises LakeUnavailable."""
    with closing(address.connect_catalog()) as holder:
        holder.execute("begin")
        key = f"select pg_advisory_xact_lock(hashtext({literal(f'glasshouse lake {address.schema}')}))::text as held"
        holder.execute(f"from postgres_query('{CATALOG_NAME}', {literal(key)})").fetchall()
        yield
        holder.execute("rollback")


def lake_sha256() -> str:
    """Changes whenever a table, a view or a macro does: a lake of another version is made anew."""
    texts = (text.sql for folder in ("schema", *_VIEWS) for text in sql_files(folder))
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()


_NULL_DEFAULT = " := null"
_KEYS = ("model_id", "recipe_id", "experiment_id")
"""By which the lake's files are told apart: a partition that is replaced is whole files."""
_VIEWS = ("functions", "views", "macros")
"""In the order in which they need each other."""


def _version(con: DuckDBPyConnection) -> str | None:
    if "_publication" not in table_names(con, internal=True):
        return None
    rows = con.execute("select schema_sha256 from _publication").fetchall()
    return rows[0][0] if rows else None


def _define(con: DuckDBPyConnection) -> None:
    """Every table, empty, with its comments; views and macros. A lake knows no checks, no indexes and no comments of
    views, columns of views and macros: the first statement of each file is what it takes. A default of null comes back
    from its catalog as the text 'NULL': whoever calls a macro there gives every argument."""
    _drop_all(con)
    with closing(duckdb.connect()) as plain:
        define(plain)
        columns = plain.execute(
            "select table_name, column_name, data_type, is_nullable, columns.comment, tables.comment "
            "from duckdb_columns() as columns join duckdb_tables() as tables using (schema_name, table_name) "
            "order by table_name, column_index"
        ).fetchall()
    by_table = dict[str, list[tuple]]()
    for table, *column in columns:
        by_table.setdefault(table, []).append(tuple(column))
    for table, of_table in by_table.items():
        parts = (f"{quoted(name)} {kind}{'' if nullable else ' not null'}" for name, kind, nullable, *_ in of_table)
        con.execute(f"create table {quoted(table)} ({', '.join(parts)})")
        if keys := [quoted(name) for name, *_ in of_table if name in _KEYS and table in tables()]:
            con.execute(f"alter table {quoted(table)} set partitioned by ({', '.join(keys)})")
        con.execute(f"comment on table {quoted(table)} is {literal(of_table[0][4])}")
        for name, _, _, comment, _ in of_table:
            if comment:
                con.execute(f"comment on column {quoted(table)}.{quoted(name)} is {literal(comment)}")
    _define_codes(con, [])
    for folder in _VIEWS:
        for text in sql_files(folder):
            con.execute(con.extract_statements(text.sql.replace(_NULL_DEFAULT, ""))[0])


def _define_codes(con: DuckDBPyConnection, codes: list[str]) -> None:
    """The view of the sparse codes, which stay in the store; it is left alone where it names these files already."""
    held = con.execute("select sql from duckdb_views() where view_name = $1", [FEATURE_ACTIVATION]).fetchall()
    if codes and held and held[0][0].count(".parquet'") == len(codes) and all(code in held[0][0] for code in codes):
        return
    views = {text.name: text.sql for text in sql_files("external")}
    sql = views[FEATURE_ACTIVATION if codes else f"{FEATURE_ACTIVATION}_empty"]
    con.execute(f"drop view if exists {FEATURE_ACTIVATION}")
    con.execute(sql.replace("$codes", f"[{', '.join(map(literal, codes))}]"))


def _drop_all(con: DuckDBPyConnection) -> None:
    of_lake = f"database_name = '{NAME}'"
    for (name,) in con.execute(f"select view_name from duckdb_views() where {of_lake} and not internal").fetchall():
        con.execute(f"drop view {quoted(name)}")
    macros = f"select distinct function_name, function_type from duckdb_functions() where {of_lake} and not internal"
    for name, kind in con.execute(macros).fetchall():
        con.execute(f"drop {'macro table' if kind == 'table_macro' else 'macro'} {quoted(name)}")
    for table in table_names(con, internal=True):
        con.execute(f"drop table {quoted(table)}")


def _copy(checked: DuckDBPyConnection, con: DuckDBPyConnection, partition: Partition) -> None:
    """Moves the rows of a partition from memory into the lake.

    Raises:
        AssertionError: If the lake took another number of rows than the manifest promises.
    """
    table = quoted(partition.table)
    con.register("rows_given", checked.execute(f"from {table}").to_arrow_reader())
    [(n,)] = con.execute(f"insert into {table} by name from rows_given").fetchall()
    con.unregister("rows_given")
    checked.execute(f"delete from {table}")
    assert n == partition.rows, f"{partition.table}, {partition.name}: {n:,} rows came, {partition.rows:,} are promised"


def _forget(con: DuckDBPyConnection) -> None:
    """Snapshots that nobody should still read, and the lake's own files of them; small files become larger ones."""
    old = f"snapshot_time < now() - interval {KEPT_DAYS} days"
    [(n_old,)] = con.execute(f"select count(*) from ducklake_snapshots('{NAME}') where {old}").fetchall()
    if not n_old:
        return
    con.execute(f"call ducklake_expire_snapshots('{NAME}', older_than => now() - interval {KEPT_DAYS} days)")
    con.execute(f"call ducklake_merge_adjacent_files('{NAME}')")
    con.execute(f"call ducklake_cleanup_old_files('{NAME}', older_than => now() - interval {KEPT_DAYS} days)")
