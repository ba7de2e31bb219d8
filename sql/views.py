"""Views, macros and functions of the warehouse: they hold no rows, and are made anew when one of them changed."""

import hashlib
from collections.abc import Sequence

from duckdb import DuckDBPyConnection

from sql.catalog import column_comments, literal, quoted
from sql.sql_files import SQLFile, sql_files
from sql.stored_partitions import BadPartition, StoredTables
from sql.view_comments import comment_columns_passed_on
from sql.warehouse import FEATURE_ACTIVATION


def define_views(con: DuckDBPyConnection, codes: Sequence[str] = ()) -> None:
    """Every view, macro and function of this package, and none that an older version left.

    Args:
        con: A connection that may write.
        codes: The Parquet files of `feature_activation`; the view is there, empty, without any.
    """
    _drop_all(con)
    for text in sql_files("functions"):
        _define(con, text, "macro")
    comments = column_comments(con)
    for text in sql_files("views"):
        _define(con, text, "view")
        comment_columns_passed_on(con, text, comments)
    for text in sql_files("macros"):
        _define(con, text, "macro table")
    define_stored_codes(con, codes)


def views_sha256() -> str:
    """Changes whenever a view, a macro or a function does, but for the files that `feature_activation` reads."""
    texts = (text.sql for folder in ("functions", "views", "macros") for text in sql_files(folder))
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()


def define_stored_codes(con: DuckDBPyConnection, codes: Sequence[str]) -> None:
    """The view `feature_activation`, of these files."""
    external = {text.name: text for text in sql_files("external")}
    view = external[FEATURE_ACTIVATION if codes else f"{FEATURE_ACTIVATION}_empty"]
    reading = view.sql.replace("$codes", f"[{', '.join(map(literal, codes))}]")
    con.execute(f"drop view if exists {FEATURE_ACTIVATION}")
    _define(con, SQLFile(FEATURE_ACTIVATION, view.title, reading), "view")
    con.execute(external[f"{FEATURE_ACTIVATION}_comments"].sql)


def stored_code_files(stored: StoredTables) -> tuple[list[str], int, list[BadPartition]]:
    """The files of the codes that the store keeps, as their manifests name them, how many rows these promise, and an
    error for each partition of which a file is missing or cut short; contents are not read, for they may be vast.

    A glob would also read what an earlier dictionary of the same name left behind.
    """
    partitions, bad = stored.partitions({FEATURE_ACTIVATION})
    home, files, n_rows = f"{stored.url}/{FEATURE_ACTIVATION}", list[str](), 0
    for partition in partitions:
        try:
            for file in partition.files:
                stored.check_size(partition, file)
        except BadPartition as error:
            bad.append(error)
            continue
        files += [f"{home}/{partition.name}/{file.name}" for file in partition.files]
        n_rows += partition.rows
    return files, n_rows, bad


def _define(con: DuckDBPyConnection, text: SQLFile, kind: str) -> None:
    con.execute(text.sql)
    con.execute(f"comment on {kind} {quoted(text.name)} is {literal(text.title)}")


def _drop_all(con: DuckDBPyConnection) -> None:
    for (name,) in con.execute(
        "select view_name from duckdb_views() where database_name = current_database() and not internal"
    ).fetchall():
        con.execute(f"drop view {quoted(name)}")
    macros = con.execute(
        "select distinct function_name, function_type from duckdb_functions() "
        "where database_name = current_database() and not internal and function_type in ('macro', 'table_macro')"
    )
    for name, kind in macros.fetchall():
        con.execute(f"drop {'macro table' if kind == 'table_macro' else 'macro'} {quoted(name)}")
