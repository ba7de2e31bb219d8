"""Endpoints that are nothing but a query: a file of `web/queries` whose second line says its path, such as
`-- api: /saes/{model_id}/{recipe_id}/metrics`."""

import re
from collections.abc import Iterator
from typing import Any

from web.addressed_rows import find_sae, parse_feature_id
from web.api.endpoint import Endpoint, Question, row_ref
from web.api.paging import page_of, page_schema
from web.api.parameters import paged_parameters
from web.query_files import Query, queries

_HEADER = re.compile(r"-- api: (/\S+)")


def query_endpoints() -> Iterator[Endpoint]:
    """An endpoint for each query that says its path."""
    for query in queries().values():
        if header := _HEADER.fullmatch(query.sql.splitlines()[1]):
            yield _endpoint(query, header[1])


def _endpoint(query: Query, path: str) -> Endpoint:
    def answer(question: Question, asked: Any) -> dict[str, Any]:
        values = asked.model_dump()
        require_subject(question, values)
        return page_of(question.rows(query.name, values), asked)

    parameters = paged_parameters(tuple(re.findall(r"\{(\w+)\}", path)))
    return Endpoint(query.title, path, parameters, answer, page_schema(row_ref(query.name)), name=query.name)


def require_subject(question: Question, values: dict[str, Any]) -> None:
    """Raises NotFound if there is no such dictionary, or it has no such feature."""
    if "recipe_id" in values:
        sae = find_sae(question.snapshot, values["model_id"], values["recipe_id"])
        if "feature_id" in values:
            parse_feature_id(sae, str(values["feature_id"]))
