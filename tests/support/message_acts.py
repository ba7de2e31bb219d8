"""What the server on this machine can do with a request: answers, failures, silence."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, Literal

Body = dict[str, Any]


@dataclass(frozen=True)
class Say:
    """Answers with a text; None: with what the schema asks for. Tokens are numbers, or counted from body and text."""

    text: str | None = None
    stop_reason: str = "end_turn"
    input_tokens: int | Callable[[Body], int] = 1000
    output_tokens: int | Callable[[str], int] = 50
    cache_creation_input_tokens: int | None = None
    cache_read_input_tokens: int | None = None

    def message(self, body: Body, name: str) -> dict[str, Any]:
        """The answer as the protocol writes it."""
        text = self.text
        if text is None:
            text = json.dumps(by_schema(body["output_config"]["format"]["schema"]))
        usage = {
            "input_tokens": self.input_tokens if isinstance(self.input_tokens, int) else self.input_tokens(body),
            "output_tokens": self.output_tokens if isinstance(self.output_tokens, int) else self.output_tokens(text),
            "cache_creation_input_tokens": self.cache_creation_input_tokens,
            "cache_read_input_tokens": self.cache_read_input_tokens,
        }
        return {
            "id": name,
            "type": "message",
            "role": "assistant",
            "model": body["model"],
            "content": [{"type": "text", "text": text}],
            "stop_reason": self.stop_reason,
            "stop_sequence": None,
            "usage": {name: n for name, n in usage.items() if n is not None},
        }


@dataclass(frozen=True)
class Fail:
    """Answers with an error status; `retry_after` as it is, in seconds, or (timedelta) as a date so far from now."""

    status: int
    kind: str = "api_error"
    retry_after: str | float | timedelta | None = None
    should_retry: bool | None = None
    message: str | None = None

    @property
    def headers(self) -> dict[str, str]:
        headers = {}
        if self.should_retry is not None:
            headers["x-should-retry"] = str(self.should_retry).lower()
        if isinstance(self.retry_after, timedelta):
            headers["retry-after"] = format_datetime(datetime.now(UTC) + self.retry_after, usegmt=True)
        elif self.retry_after is not None:
            headers["retry-after"] = str(self.retry_after)
        return headers

    def error(self, request_id: str) -> dict[str, Any]:
        said = {"type": self.kind, "message": self.message or f"scripted {self.kind}"}
        return {"type": "error", "error": said, "request_id": request_id}


@dataclass(frozen=True)
class Cut:
    """Closes the connection: before anything was done, after the work (which is billed) without a byte of the answer,
    or in the middle of the answer (billed too)."""

    after: Literal["work", "half"] | None = None


@dataclass(frozen=True)
class Garble:
    """Answers 200 with a body that is no message."""

    content_type: str = "application/json"
    body: bytes = b'{"id": "msg_1", "content": ['


@dataclass(frozen=True)
class Expired:
    """In a batch alone: the request's turn never came."""


@dataclass(frozen=True)
class Canceled:
    """In a batch alone: somebody canceled before the request's turn."""


@dataclass(frozen=True)
class Slow:
    """Waits before it does what it then does."""

    seconds: float
    then: "Act" = Say()


Act = Say | Fail | Cut | Garble | Slow
Outcome = Say | Fail | Expired | Canceled
"""What becomes of one request of a batch."""
Script = Callable[[int, Body], Act]
"""What to do with a request, by its number and body."""


def by_schema(schema: dict[str, Any]) -> Any:
    """A plain value that a schema allows: the last of an enum, one item per id of a list with ids, else one item."""
    if "enum" in schema:
        return schema["enum"][-1]
    match schema["type"]:
        case "object":
            return {name: by_schema(of) for name, of in schema["properties"].items()}
        case "array":
            items = schema["items"]
            ids = items.get("properties", {}).get("id", {}).get("enum")
            return [by_schema(items)] if ids is None else [by_schema(items) | {"id": name} for name in ids]
        case "boolean":
            return True
        case "integer" | "number":
            return 1
        case "string":
            return "words about `testing`"
        case other:
            raise ValueError(
                f"a schema of type {other!r}: the server on this machine answers objects, lists and scalars"
            )
