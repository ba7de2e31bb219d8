"""The OpenAPI file, made from the endpoints; nothing in it is written by hand."""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from sql.row_schemas import row_schema
from web.api.endpoint import JSON, Endpoint
from web.api.found_endpoints import endpoints
from web.api.problems import SCHEMA
from web.query_files import queries

_REFERENCE = "#/components/schemas/"
_PROBLEMS = {
    "400": "A parameter is not as it has to be.",
    "404": "There is no such thing, or no such page.",
    "422": "The text cannot be read here.",
    "503": "There is no warehouse that can be read, or too many texts wait.",
}


@cache
def openapi() -> dict[str, Any]:
    """The document, OpenAPI 3.1."""
    components: dict[str, Any] = {"Problem": SCHEMA}
    paths: dict[str, Any] = {}
    for endpoint in endpoints():
        if endpoint.path is not None:
            operation = _operation(endpoint, components)
            paths.setdefault(f"/api{endpoint.path}", {})[endpoint.method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Glasshouse",
            "version": "1",
            "description": "Read-only answers over the published warehouse. Lists are paged; GET answers have ETags; "
            "an error is an object with one sentence.",
        },
        "paths": paths,
        "components": {"schemas": dict(sorted(components.items()))},
    }


def parameter_schema(endpoint: Endpoint) -> dict[str, Any]:
    """JSON Schema of an endpoint's parameters as one object, whole in itself."""
    return endpoint.parameters.model_json_schema()


def _operation(endpoint: Endpoint, components: dict[str, Any]) -> dict[str, Any]:
    schema = endpoint.parameters.model_json_schema(ref_template=_REFERENCE + "{model}")
    components |= schema.pop("$defs", {})
    assert endpoint.path is not None
    in_path = re.findall(r"\{(\w+)\}", endpoint.path)
    properties, required = schema["properties"], schema.get("required", [])
    places = dict.fromkeys(in_path, "path")
    if endpoint.method == "GET":
        places |= {name: "query" for name in properties if name not in in_path}
    for query in sorted(set(_references(endpoint.schema)) & queries().keys()):
        components[query] = row_schema(queries()[query].sql, queries()[query].parameters)
    operation: dict[str, Any] = {
        "operationId": endpoint.name,
        "summary": endpoint.title,
        "tags": [endpoint.family],
        "parameters": [_parameter(name, place, properties[name], required) for name, place in places.items()],
        "responses": {"200": _answer(endpoint)} | {status: _problem(text) for status, text in _PROBLEMS.items()},
    }
    if endpoint.method == "POST":
        left = {name: value for name, value in properties.items() if name not in in_path}
        body = {"type": "object", "properties": left, "required": [name for name in required if name in left]}
        operation["requestBody"] = {"required": True, "content": {JSON: {"schema": body}}}
    return operation


def _parameter(name: str, place: str, schema: dict[str, Any], required: list[str]) -> dict[str, Any]:
    described = {"description": schema["description"]} if "description" in schema else {}
    return {"name": name, "in": place, "required": name in required or place == "path", "schema": schema} | described


def _answer(endpoint: Endpoint) -> dict[str, Any]:
    content = {kind: {"schema": endpoint.schema} if kind == JSON else {} for kind in endpoint.media_types}
    return {"description": endpoint.title, "content": content}


def _problem(text: str) -> dict[str, Any]:
    return {"description": text, "content": {JSON: {"schema": {"$ref": _REFERENCE + "Problem"}}}}


def _references(schema: Any) -> Iterator[str]:
    """Names of the components that a schema refers to."""
    if isinstance(schema, dict):
        if isinstance(reference := schema.get("$ref"), str):
            yield reference.removeprefix(_REFERENCE)
        for value in schema.values():
            yield from _references(value)
    if isinstance(schema, list):
        for value in schema:
            yield from _references(value)
