"""The dictionaries of the warehouse."""

from typing import Any

from web.api.endpoint import Endpoint, Question, row_ref
from web.api.paging import page_of, page_schema
from web.api.parameters import Paged


def _answer(question: Question, asked: Paged) -> dict[str, Any]:
    return page_of(question.rows("dictionaries", {}), asked)


ENDPOINT = Endpoint(
    title="Every dictionary: how sparse and how faithful it is, and what is known of it.",
    path="/saes",
    parameters=Paged,
    answer=_answer,
    schema=page_schema(row_ref("dictionaries")),
    tool="list_dictionaries",
)
