"""The Arrow schema that stages write and the SQL schema that the warehouse loads say the same of every table."""

import re
from collections.abc import Iterator
from contextlib import closing
from importlib import import_module

import duckdb
import pyarrow as pa
import pytest
from duckdb import DuckDBPyConnection

from sql.catalog import table_names
from sql.views import define_views
from sql.warehouse import FEATURE_ACTIVATION, define
from storage.table_schemas import rows_as_table, table_schema, tables

NOT_WRITTEN_BY_A_STAGE = {"registry_entry", "registry_experiment", "feature_list", "feature_list_entry", "stage_run"}
DUCKDB = {
    "string": {"VARCHAR", "JSON"},
    "binary": {"BLOB"},
    "bool": {"BOOLEAN"},
    "int32": {"INTEGER"},
    "int64": {"BIGINT"},
    "float": {"FLOAT"},
    "double": {"DOUBLE"},
    "timestamp[us]": {"TIMESTAMP"},
}
Columns = list[tuple[str, str, bool]]


@pytest.fixture(scope="module")
def empty() -> Iterator[DuckDBPyConnection]:
    with closing(duckdb.connect()) as con:
        define(con)
        define_views(con)
        yield con


def declared(con: DuckDBPyConnection, table: str) -> Columns:
    """Name, type and whether it may be null of every column that the files of a partition have."""
    rows = con.execute(
        "select column_name, data_type, is_nullable from duckdb_columns() where table_name = $1 order by column_index",
        [table],
    ).fetchall()
    names = [name for name, *_ in rows]
    keys = folder_keys(table)
    assert set(keys) <= set(names), f"sql/schema/{table}.sql lacks a column that the folders name: {keys}"
    return [row for row in rows if row[0] not in keys]


def folder_keys(table: str) -> list[str]:
    """Columns that the folders of a partition name, as the first sentence of the schema's file says."""
    said = " ".join((import_module(f"storage.table_schemas.{table}").__doc__ or "").split()).partition(".")[0]
    begin = f"Columns of the Parquet files of the table `{table}`, whose folders name "
    assert said.startswith(begin), f"storage/table_schemas/{table}.py: begin with '{begin}…'"
    return re.split(r", | and ", said.removeprefix(begin))


def differences(schema: pa.Schema, wanted: Columns) -> list[str]:
    """What the two say differently, column by column, as sentences."""
    found = []
    if schema.names != [name for name, *_ in wanted]:
        found.append(f"columns are {', '.join(schema.names)}; in sql/schema {', '.join(name for name, *_ in wanted)}")
    for name, kind, nullable in wanted:
        if name not in schema.names:
            continue
        field = schema.field(name)
        value = field.type.value_type if pa.types.is_list(field.type) else field.type
        if kind.removesuffix("[]") not in DUCKDB[str(value)] or kind.endswith("[]") != pa.types.is_list(field.type):
            found.append(f"{name} is {field.type}, in sql/schema {kind}")
        if field.nullable != nullable:
            found.append(f"{name} is nullable={field.nullable}, in sql/schema nullable={nullable}")
    return found


def test_every_table_that_stages_write_has_a_schema(empty: DuckDBPyConnection):
    assert set(tables()) == set(table_names(empty)) - NOT_WRITTEN_BY_A_STAGE | {FEATURE_ACTIVATION}


@pytest.mark.parametrize("table", tables())
def test_the_schema_says_what_the_warehouse_says(empty: DuckDBPyConnection, table: str):
    wanted = declared(empty, table)
    schema = table_schema(table)
    if table == FEATURE_ACTIVATION:  # a view, which does not say what may be null: nothing may
        wanted = [(name, kind, False) for name, kind, _ in wanted]
    assert differences(schema, wanted) == [], f"storage/table_schemas/{table}.py"


@pytest.mark.parametrize(
    ("column", "said"),
    [
        (pa.field("rank", pa.int64(), nullable=False), "rank is int64, in sql/schema INTEGER"),
        (pa.field("rank", pa.list_(pa.int32()), nullable=False), "rank is list<item: int32>, in sql/schema INTEGER"),
        (pa.field("rank", pa.int32()), "rank is nullable=True, in sql/schema nullable=False"),
        (pa.field("place", pa.int32()), "columns are place; in sql/schema rank"),
    ],
)
def test_a_difference_is_named(column: pa.Field, said: str):
    assert said in differences(pa.schema([column]), [("rank", "INTEGER", False)])


def test_a_column_that_no_schema_knows_is_refused_not_dropped():
    assert rows_as_table("logit_shape", [{"feature_id": 1, "logit_skew": 0.5}]).to_pylist() == [
        {"feature_id": 1, "logit_skew": 0.5, "logit_kurtosis": None}
    ]
    with pytest.raises(ValueError, match="rows of logit_shape have skew, which are no columns of it"):
        rows_as_table("logit_shape", [{"feature_id": 1}, {"feature_id": 2, "skew": 0.5}])


def test_a_table_without_a_schema_is_refused_by_name():
    with pytest.raises(ValueError, match=r"no file storage/table_schemas/circuit\.py: add it, or name one of"):
        table_schema("circuit")
