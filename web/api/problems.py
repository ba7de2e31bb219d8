"""Errors as JSON: a sentence, and what may have been meant."""

from collections.abc import Sequence

from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from web.api.endpoint import JSON, object_schema
from web.api.json_values import to_json
from web.api.text_reading import UnreadableText
from web.error_pages import NotFound
from web.formatting import visible_text
from web.model_queue import Busy, HasLeft
from web.request_body import TooLong
from web.warehouse_file import Unreadable

SCHEMA = object_schema(error={"type": "string"}, suggestions={"type": "array", "items": {"type": "string"}})


class BadParameters(ValueError):
    """The parameters are not those of the endpoint. The message says which, and what is wanted."""

    @classmethod
    def of(cls, error: ValidationError, names: Sequence[str]) -> "BadParameters":
        """The first thing that is wrong, as a sentence."""
        first, n = error.errors(include_url=False)[0], error.error_count()
        name = ".".join(map(str, first["loc"])) or "the body"
        others = f" (and {n - 1} more)" if n > 1 else ""
        if first["type"] == "extra_forbidden":
            return cls(
                f"there is no parameter {visible_text(name, 60)}: there are {', '.join(names) or 'none'}{others}"
            )
        if first["type"] == "missing":
            return cls(f"{name} is missing: there are {', '.join(names)}{others}")
        found = visible_text(repr(first["input"])[:200], 60)
        return cls(f"{visible_text(name, 60)} is {found}: {first['msg']}{others}")


STATUS = {
    BadParameters: 400,
    TimeoutError: 408,
    HasLeft: 408,
    TooLong: 413,
    UnreadableText: 422,
    Busy: 503,
    Unreadable: 503,
}


def problem(status: int, sentence: str, suggestions: Sequence[str] = ()) -> Response:
    """The answer of a problem."""
    body = to_json({"error": sentence, "suggestions": list(suggestions)})
    return Response(body, status, media_type=JSON, headers={"cache-control": "no-store"})


def of_http(request: Request, error: Exception) -> Response:
    """The answer of an error that HTTP has a number for."""
    assert isinstance(error, HTTPException)
    if isinstance(error, NotFound):
        return problem(404, error.detail, [text for text, _ in error.suggestions])
    where = visible_text(request.url.path)
    sentences = {
        404: f"there is nothing at {where}: /api lists what there is",
        405: f"{request.method} is not answered at {where}: /api says what is",
    }
    return problem(error.status_code, sentences.get(error.status_code, error.detail))


def of_ours(request: Request, error: Exception) -> Response:
    """The answer of an error of `STATUS`."""
    return problem(STATUS[type(error)], str(error) or "the body did not arrive in time: send it again")


def broken(request: Request, error: Exception) -> Response:
    """The answer of a mistake of ours; the traceback goes to the log."""
    return problem(500, f"this could not be answered ({type(error).__name__}): the server's log has the reason")
