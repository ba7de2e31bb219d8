"""Limits on what an address may hold, for every page and parameter: longer ones are refused before anything is read."""

from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from web.error_pages import problem

MOST_OF_PATH, MOST_OF_QUERY = 8_000, 16_000
"""Bytes, as they are sent."""
MOST_PARAMETERS = 50
MOST_OF_PARAMETER = 4_000
"""Characters of one parameter."""


class RequestLimits:
    """Answers 414 to an address that is longer than any of ours, in a part or as a whole."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (refused := _refused(Request(scope))):
            await problem(414, refused)(scope, receive, send)
            return
        await self.app(scope, receive, send)


def _refused(request: Request) -> str:
    """Why an address is refused; empty if it is not."""
    path, query = request.scope.get("raw_path") or b"", request.scope["query_string"]
    for part, name, most in ((path, "path", MOST_OF_PATH), (query, "query", MOST_OF_QUERY)):
        if len(part) > most:
            return f"the {name} of the address has {len(part):,} bytes, and {most:,} are allowed: ask for less"
    try:
        pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True, max_num_fields=MOST_PARAMETERS)
    except ValueError:
        return f"the address has more than {MOST_PARAMETERS} parameters: ask for less"
    for name, value in pairs:
        if len(name) > 100 or len(value) > MOST_OF_PARAMETER:
            return f"a parameter of the address is longer than {MOST_OF_PARAMETER:,} characters: ask for less"
    return ""
