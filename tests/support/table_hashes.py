"""Content of the warehouse as one hash per table, to tell whether two runs made the same."""

import hashlib

from duckdb import DuckDBPyConnection

from sql.catalog import quoted, table_names
from sql.warehouse import FEATURE_ACTIVATION

INCIDENTAL = frozenset(
    {
        "created_at",
        "registered_at",
        "sent_at",
        "answered_at",
        "tokens_per_second",
        "seconds",
        "uri",
        "request_id",
        "batch_id",
    }
)
"""Columns that say when, how fast or where a row was made, not what it says."""
OF_RUNS = frozenset({"stage_run"})
"""Tables that say how runs went, not what they made."""


def table_hashes(con: DuckDBPyConnection) -> dict[str, str]:
    """Hash of each table's rows, whatever their order, and of the codes in the store; incidental columns and how
    the runs went do not count.

    Comparable between warehouses read by the same version of DuckDB, whose `hash` it sums.
    """
    made = [name for name in table_names(con) if not name.startswith("registry_") and name not in OF_RUNS]
    return {name: _hash(con, name) for name in [*made, FEATURE_ACTIVATION]}


def _hash(con: DuckDBPyConnection, table: str) -> str:
    columns = [column[0] for column in con.execute(f"from {quoted(table)} limit 0").description]
    counted = [column for column in columns if column not in INCIDENTAL]
    row = ", ".join(quoted(column) for column in counted)
    sums = con.execute(f"select count(*), sum(hash({row})::hugeint) from {quoted(table)}").fetchall()
    return hashlib.sha256(repr((counted, sums)).encode()).hexdigest()
