"""Parameters of a request, from its path, its query and its JSON body, checked against the endpoint's."""

import json
from typing import Any

from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from web.api.endpoint import Endpoint
from web.api.problems import BadParameters
from web.request_body import read_body
from web.text_address import MOST_BYTES
from web.urls import replace_invalid_unicode


async def parameters_of(request: Request, endpoint: Endpoint) -> BaseModel:
    """The checked parameters.

    Raises:
        BadParameters: If one is missing, unknown, of another kind or out of bounds.
        TooLong: If the body is longer than any that is read.
        TimeoutError: If it does not arrive in time.
    """
    given: dict[str, Any] = dict(request.query_params) if endpoint.method == "GET" else await _body(request)
    return checked(endpoint, {**given, **request.path_params})


def checked(endpoint: Endpoint, given: dict[str, Any]) -> BaseModel:
    """The same of values from anywhere."""
    try:
        return endpoint.parameters.model_validate(_valid_unicode(given))
    except ValidationError as error:
        raise BadParameters.of(error, list(endpoint.parameters.model_fields)) from None


async def _body(request: Request) -> dict[str, Any]:
    body = await read_body(request, MOST_BYTES)
    try:
        given = json.loads(body)
    except (ValueError, RecursionError):
        raise BadParameters("the body is no JSON object: send one, such as {}") from None
    if not isinstance(given, dict):
        raise BadParameters(f"the body is a JSON {type(given).__name__}: send an object")
    return given


def _valid_unicode(value: Any) -> Any:
    if isinstance(value, str):
        return replace_invalid_unicode(value)
    if isinstance(value, dict):
        return {_valid_unicode(key): _valid_unicode(item) for key, item in value.items()}
    return [_valid_unicode(item) for item in value] if isinstance(value, list) else value
