"""Where a lake is: its catalog in Postgres, its files in a folder or on S3; and how DuckDB reaches both.

DuckDB's extensions come as packages, a file each, and are loaded from there: nothing is downloaded when this runs.
"""

import importlib.util
import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import duckdb
from duckdb import DuckDBPyConnection

from sql.catalog import literal

CATALOG, DATA = "GLASSHOUSE_LAKE", "GLASSHOUSE_LAKE_DATA"
NAME, CATALOG_NAME = "lake", "catalog"
RETRIES = 100
"""Of a commit that lost the race for the next snapshot."""
PACKAGES = (
    "duckdb==1.5.5 duckdb-extension-ducklake==1.5.5 duckdb-extension-postgres-scanner==1.5.5 "
    "duckdb-extension-httpfs==1.5.5"
)


class LakeUnavailable(ValueError):
    """There is no lake to publish to, or this environment cannot reach one: the message says what it needs."""


@dataclass(frozen=True, slots=True)
class LakeAddress:
    """One lake."""

    catalog: str
    """Of Postgres: postgresql://user@host:port/database."""
    data: str
    """A folder, or s3://bucket/prefix."""
    schema: str = "glasshouse"
    """Of the catalog's tables: a database may hold several lakes."""

    @classmethod
    def of_environment(cls) -> "LakeAddress":
        """Raises LakeUnavailable if the variables do not say where."""
        catalog, data = os.environ.get(CATALOG, ""), os.environ.get(DATA, "")
        if not catalog.startswith("postgresql://") or not data:
            raise LakeUnavailable(
                f"{CATALOG} is {_without_password(catalog)!r} and {DATA} is {data!r}: set the first to "
                "postgresql://user@host:port/database and the second to s3://bucket/prefix or a folder"
            )
        return cls(catalog, data)

    def connect(self, *, read_only: bool = True) -> DuckDBPyConnection:
        """A connection whose database is the lake; a reader does not make one that is not there.

        Raises:
            LakeUnavailable: If an extension is not installed, or catalog or files cannot be reached.
        """
        options = [f"data_path {literal(self.data)}", f"metadata_schema {literal(self.schema)}"]
        options += ["read_only"] if read_only else []
        place = literal(f"ducklake:postgres:{self.catalog}")
        statements = [
            *([_secret()] if self.is_remote else []),
            f"attach {place} as {NAME} ({', '.join(options)})",
            f"set ducklake_max_retry_count = {RETRIES}; set timezone = 'UTC'; use {NAME}",
        ]
        return self._connected(["ducklake", "postgres_scanner", *(["httpfs"] if self.is_remote else [])], statements)

    def connect_catalog(self) -> DuckDBPyConnection:
        """A connection that has the Postgres of the catalog beside an empty database; raises as `connect`."""
        attached = f"attach {literal(self.catalog)} as {CATALOG_NAME} (type postgres, read_only)"
        return self._connected(["postgres_scanner"], [attached])

    def _connected(self, extensions: list[str], statements: list[str]) -> DuckDBPyConnection:
        con = duckdb.connect(config={"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"})
        try:
            for extension in extensions:
                con.execute(f"load {literal(str(_extension_file(extension)))}")
            con.execute("load icu; load json; load parquet")
            for statement in statements:
                con.execute(statement)
        except duckdb.Error as error:
            con.close()
            said = str(error).replace(self.catalog, _without_password(self.catalog)).strip().splitlines()[0]
            raise LakeUnavailable(
                f"the lake of {_without_password(self.catalog)}, files in {self.data}, cannot be reached ({said}): see "
                f"that Postgres and the bucket answer, that {CATALOG} and {DATA} are right, and that it was published "
                "once (glasshouse publish --lake)"
            ) from error
        except BaseException:
            con.close()
            raise
        return con

    @property
    def is_remote(self) -> bool:
        return self.data.startswith("s3://")


def _extension_file(name: str) -> Path:
    found = importlib.util.find_spec(f"duckdb_extension_{name}")
    places = [Path(place) for place in (found.submodule_search_locations or ())] if found else []
    files = [place / "extensions" / f"v{duckdb.__version__}" / f"{name}.duckdb_extension" for place in places]
    there = [file for file in files if file.exists()]
    if not there:
        raise LakeUnavailable(
            f"DuckDB {duckdb.__version__} has no extension {name} here: a lake is published and read from an "
            f"environment of its own, in which Glasshouse stands beside: pip install {PACKAGES}"
        )
    return there[0]


def _secret() -> str:
    """The credentials that any client of S3 reads, for this connection alone; nothing of them is stored."""
    options = ["type s3"]
    for name, option in (
        ("AWS_ACCESS_KEY_ID", "key_id"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_SESSION_TOKEN", "session_token"),
        ("AWS_DEFAULT_REGION", "region"),
    ):
        if value := os.environ.get(name):
            options.append(f"{option} {literal(value)}")
    if endpoint := os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL"):
        parts = urlsplit(endpoint)
        options += [f"endpoint {literal(parts.netloc)}", f"use_ssl {parts.scheme == 'https'}", "url_style 'path'"]
    return f"create secret ({', '.join(options)})"


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    return url.replace(f":{parts.password}@", ":…@") if parts.password else url
