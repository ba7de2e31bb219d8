"""The published warehouse file: opening it to read, and defining what stands in an empty one."""

import hashlib
from pathlib import Path

import duckdb
import fsspec
from duckdb import DuckDBPyConnection

from sql.catalog import literal
from sql.sql_files import sql_files

STORAGE_VERSION = "v1.5.0"
"""File format that both DuckDB 1.5 and 2 open."""


def connect(published: Path) -> DuckDBPyConnection:
    """A read-only connection to the warehouse as published last; it keeps what it opened when another is published.

    The file is attached to a database of its own in memory: `duckdb.connect(path)` would hand out the old file again
    for as long as this process holds an earlier connection to the same path.

    Raises:
        ValueError: If there is no file, or it is not a DuckDB file of a version that this DuckDB reads.
    """
    if not published.exists():
        raise ValueError(
            f"there is no warehouse at {published}: materialize `published_warehouse` (glasshouse run), or set "
            "GLASSHOUSE_WAREHOUSE to where it is"
        )
    con = duckdb.connect()
    try:
        _attach(con, published, "read_only")
        reach(con, tables_url(con))
    except duckdb.Error as error:
        con.close()
        raise ValueError(
            f"{published} cannot be opened as a Glasshouse warehouse ({error}): move it away and materialize "
            "`published_warehouse` again"
        ) from error
    return con


def create(file: Path) -> DuckDBPyConnection:
    """A connection that may write to the file, which is made, empty, where there is none."""
    con = duckdb.connect(config={"temp_directory": str(file.parent / "spilled")})
    _attach(con, file, f"storage_version '{STORAGE_VERSION}'")
    con.execute("set timezone = 'UTC'")
    return con


def define(con: DuckDBPyConnection) -> None:
    """Every table of the schema, empty, with comments and checks."""
    for text in sql_files("schema"):
        con.execute(text.sql)


def schema_sha256() -> str:
    """Changes whenever a table does: a file with another schema is rebuilt from the store."""
    return hashlib.sha256("\n".join(text.sql for text in sql_files("schema")).encode()).hexdigest()


def tables_url(con: DuckDBPyConnection) -> str:
    """Where the store's tables lay when the file was published."""
    [(url,)] = con.execute("select tables_url from _publication").fetchall()
    return url


def reach(con: DuckDBPyConnection, url: str) -> None:
    """Lets the connection read Parquet from a store that is not local, with the credentials that fsspec finds."""
    protocol = url.split("://")[0] if "://" in url else "file"
    if protocol != "file":
        con.register_filesystem(fsspec.filesystem(protocol))


def _attach(con: DuckDBPyConnection, file: Path, options: str) -> None:
    con.execute(f"attach {literal(str(file))} as warehouse ({options})")
    con.execute("use warehouse")
