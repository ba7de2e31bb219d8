"""JSON Schema of the rows that a query has, from the types of its columns; no warehouse is needed."""

from collections.abc import Collection
from contextlib import closing
from functools import cache
from threading import Lock
from typing import Any

import duckdb

from sql.views import define_views
from sql.warehouse import define

_NAMED = {
    "boolean": {"type": "boolean"},
    "float": {"type": "number"},
    "double": {"type": "number"},
    "decimal": {"type": "number"},
    "date": {"type": "string", "format": "date"},
    "timestamp": {"type": "string", "format": "date-time"},
}
_turn = Lock()


def row_schema(sql: str, parameters: Collection[str]) -> dict[str, Any]:
    """Schema of one row as an object; every value may be null.

    Args:
        sql: One query of the warehouse's tables, views and macros.
        parameters: Names of its parameters.
    """
    with _turn, closing(_empty().cursor()) as cursor:
        columns = cursor.execute(sql, dict.fromkeys(parameters) or None).description
    properties = {name: _nullable(_of_type(kind)) for name, kind, *_ in columns}
    return {"type": "object", "required": list(properties), "properties": properties}


@cache
def _empty() -> duckdb.DuckDBPyConnection:
    con = duckdb.connect()
    define(con)
    define_views(con)
    return con


def _of_type(kind: Any) -> dict[str, Any]:
    if kind.id in ("list", "array"):
        return {"type": "array", "items": _nullable(_of_type(kind.children[0][1]))}
    if kind.id == "struct":
        return {"type": "object", "properties": {name: _nullable(_of_type(part)) for name, part in kind.children}}
    if kind.id == "map":
        return {"type": "object", "additionalProperties": _nullable(_of_type(kind.children[1][1]))}
    if kind.id.endswith("int") or kind.id == "integer":
        return {"type": "integer"}
    return _NAMED.get(kind.id, {"type": "string"})


def _nullable(schema: dict[str, Any]) -> dict[str, Any]:
    return schema | {"type": [schema["type"], "null"]}
