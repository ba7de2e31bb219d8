"""SQL over the warehouse: a question of tools only, since a server that many may ask would need more limits."""

from typing import Annotated, Any

from pydantic import Field

from sql.limited_query import SECONDS, limited_rows
from web.api.endpoint import Endpoint, Question, object_schema
from web.api.parameters import Parameters

MOST_ROWS = 1000


class SQLText(Parameters):
    """A query."""

    query: Annotated[
        str,
        Field(min_length=1, max_length=20_000, description="DuckDB's SQL, or the name of a query, such as pareto."),
    ]
    most: Annotated[int, Field(ge=1, le=MOST_ROWS, description="Rows.")] = 100


def _answer(question: Question, asked: SQLText) -> dict[str, Any]:
    found = limited_rows(question.services.latest.file, asked.query, asked.most)
    rows = [dict(zip(found.columns, row, strict=True)) for row in found.rows]
    return {"columns": list(found.columns), "rows": rows, "is_cut": found.is_cut}


ENDPOINT = Endpoint(
    title=f"Read-only SQL over the warehouse, {SECONDS:g} s and {MOST_ROWS:,} rows at most. `show tables` lists the "
    "tables, `describe sae_summary` the columns of one; sae_summary, feature_card and feature_label say most.",
    path=None,
    parameters=SQLText,
    answer=_answer,
    schema=object_schema(
        columns={"type": "array", "items": {"type": "string"}},
        rows={"type": "array", "items": {"type": "object"}},
        is_cut={"type": "boolean", "description": "Whether there are more rows."},
    ),
    tool="query_sql",
)
