"""An endpoint: its path, its parameters and its answer. HTTP, the OpenAPI file, the page that lists it and the tools of
the MCP server are all made from this one declaration.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from web.model_queue import Report
from web.query_files import Values, queries
from web.semantic_search import TextEmbedderProtocol
from web.stored_vectors import VectorReader
from web.text_reading import Reader
from web.warehouse_file import LatestWarehouse, WarehouseSnapshot

JSON = "application/json"
Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Services:
    """What answers are made with: the published file, and what else there is at hand."""

    latest: LatestWarehouse
    reader: Reader | None = None
    embedder: TextEmbedderProtocol | None = None
    vectors: VectorReader | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """One file for the whole of one answer, however long it takes and whatever is published meanwhile."""

    snapshot: WarehouseSnapshot
    services: Services
    report: Report = lambda stage: None
    """Told what is done next; raises where nobody waits for the answer any more."""

    def rows(self, query: str, values: Values) -> list[dict[str, Any]]:
        """Rows of a query of `web/queries`."""
        return [vars(row) for row in self.snapshot.ask(queries()[query], values)]

    def rows_together(self, names: tuple[str, ...], values: Values) -> list[list[dict[str, Any]]]:
        """The same of several queries, found at once."""
        answers = self.snapshot.ask_together((queries()[name], values) for name in names)
        return [[vars(row) for row in answer] for answer in answers]


@dataclass(frozen=True, slots=True)
class Content:
    """An answer that is no JSON."""

    data: bytes
    media_type: str


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One question that a program can ask.

    Args:
        title: A sentence: what is answered.
        path: Below `/api`, with fields of `parameters` in braces; None for a question that only tools ask.
        parameters: Those that are not in the path stand in the query of a GET, in the JSON body of a POST.
        answer: Called with the question and the checked parameters.
        schema: JSON Schema of the answer; `row_ref` stands for the rows of a query.
    """

    title: str
    path: str | None
    parameters: type[BaseModel]
    answer: Callable[[Question, Any], Any]
    schema: Schema
    method: str = "GET"
    family: str = "Glasshouse"
    """The heading that it is listed under."""
    media_types: tuple[str, ...] = (JSON,)
    tool: str = ""
    """Its name among the tools of the MCP server; empty where it is none."""
    runs_model: bool | Callable[[Any], bool] = False
    """Whether it waits for its turn among the texts that models read: always, never, or as the parameters say."""
    name: str = field(default="", compare=False)
    """An id of its own: the file that it stands in."""

    def waits_for_model(self, asked: Any) -> bool:
        """Whether an answer to these parameters runs a model."""
        return self.runs_model(asked) if callable(self.runs_model) else self.runs_model


def row_ref(query: str) -> dict[str, str]:
    """Schema of a row of a query of `web/queries`."""
    return {"$ref": f"#/components/schemas/{query}"}


def rows_ref(query: str) -> dict[str, Any]:
    """Schema of a list of such rows."""
    return {"type": "array", "items": row_ref(query)}


def object_schema(**properties: Schema) -> dict[str, Any]:
    """Schema of an object that has every one of these."""
    return {"type": "object", "required": list(properties), "properties": properties}
