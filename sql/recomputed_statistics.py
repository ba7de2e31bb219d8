"""Statistics of some features, counted again in the codes by SQL: another way than the one that made the tables."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import duckdb

from sql.sql_files import sql_files
from sql.stored_partitions import StoredTables


@dataclass(frozen=True, slots=True)
class StatisticsFiles:
    """The Parquet files of one dictionary."""

    feature: list[str]
    histogram: list[str]
    codes: list[str]
    n_tokens: int
    is_exact: bool = True
    """Whether the codes are those from which the tables were made; else they were made again from the weights."""


def differing_statistics(
    stored: StoredTables, files: StatisticsFiles, features: Sequence[int]
) -> dict[str, list[dict[str, Any]]]:
    """Rows in which tables and codes differ, by table: what the table says (`said_…`) beside what was counted.

    Args:
        stored: The store in which the files lie.
    """
    values: dict[str, Any] = {"features": list(features), "codes": files.codes}
    tolerance, slack = (0.0, 0) if files.is_exact else (1e-3, 2)
    texts = {text.name: text.sql for text in sql_files("recomputed")}
    asked = {"feature": values | {"feature": files.feature, "n_tokens": files.n_tokens, "tolerance": tolerance}}
    queries = {"feature": texts["firings"]}
    if files.histogram:
        queries["activation_histogram"] = texts["histogram"]
        asked["activation_histogram"] = values | {"histogram": files.histogram, "slack": slack}
    with closing(duckdb.connect()) as con:
        con.execute("set enable_progress_bar = false")
        stored.reach(con)
        return {table: _rows(con.execute(query, asked[table])) for table, query in queries.items()}


def _rows(result: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    names = [column[0] for column in result.description or ()]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]
