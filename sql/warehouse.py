"""The published warehouse file: opening it to read, and defining what stands in an empty one."""

import hashlib
import re
from pathlib import Path

import duckdb
import fsspec
from duckdb import DuckDBPyConnection

from sql.catalog import literal
from sql.sql_files import sql_files

STORAGE_VERSION = "v1.5.0"
"""File format that both DuckDB 1.5 and 2 open."""
FEATURE_ACTIVATION = "feature_activation"
"""The one table that stays in the store: a view reads its Parquet files there."""


def connect(published: Path, *, allow_external: bool = False, writable: Path | None = None) -> DuckDBPyConnection:
    """A read-only connection to the warehouse as published last; it keeps what it opened when another is published.

    The file is attached to a database of its own in memory: `duckdb.connect(path)` would hand out the old file again
    for as long as this process holds an earlier connection to the same path.

    Args:
        published: The file. It may be somebody else's, with views that read what they like.
        allow_external: Whether queries and views may read and write other files than the file and the codes of its
            store (`feature_activation`).
        writable: One file that a query may write.

    Raises:
        ValueError: If there is no file, another process holds it, or it is not a DuckDB file of a version that this
            DuckDB reads.
    """
    if not published.exists():
        raise ValueError(
            f"there is no warehouse at {published}: materialize `published_warehouse` (glasshouse run), or set "
            "GLASSHOUSE_WAREHOUSE to where it is"
        )
    con = duckdb.connect()
    try:
        _attach(con, published, "read_only")
        url = tables_url(con)
        reach(con, url)
        if not allow_external:
            _confine(con, f"{url}/{FEATURE_ACTIVATION}/", writable)
    except duckdb.Error as error:
        con.close()
        if holder := re.search(r"lock is held in (.+?) \(PID (\d+)\)", str(error)):
            raise ValueError(
                f"{published} is sound, but process {holder[2]} ({holder[1]}) has it open to write: close it there, or "
                "open it there with -readonly, and ask again"
            ) from error
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


def _confine(con: DuckDBPyConnection, folder: str, writable: Path | None) -> None:
    """Keeps queries, and the views of the file, from every other file; it cannot be taken back.

    Of the store only the folder of the codes is opened: which folder that is the file itself says.
    """
    con.execute(f"set allowed_directories = [{literal(folder)}]")
    if writable is not None:
        con.execute(f"set allowed_paths = [{literal(str(writable.absolute()))}]")
    con.execute("set enable_external_access = false")


def _attach(con: DuckDBPyConnection, file: Path, options: str) -> None:
    con.execute(f"attach {literal(str(file))} as warehouse ({options})")
    con.execute("use warehouse")
