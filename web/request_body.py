"""Bodies of requests: read up to a length and for a time, so that nobody keeps the server waiting or fills memory."""

from urllib.parse import parse_qs

import anyio
from starlette.requests import Request

from web.urls import replace_invalid_unicode

PATIENCE_SECONDS = 30.0
"""How long a client may take to send a body."""
MOST_FIELDS = 20
"""Of a form."""


class TooLong(ValueError):
    """The body is longer than any that is read. Send less."""


async def read_body(request: Request, most_bytes: int) -> bytes:
    """The body of a request.

    Raises:
        TooLong: If it is longer than allowed; the rest is not read.
        TimeoutError: If it does not arrive in time.
        ClientDisconnect: If who sent it has left.
    """
    body = bytearray()
    with anyio.fail_after(PATIENCE_SECONDS):
        async for part in request.stream():
            body += part
            if len(body) > most_bytes:
                raise TooLong(f"what was sent is longer than {most_bytes:,} bytes: send less of it")
    return bytes(body)


async def read_form(request: Request, most_bytes: int) -> dict[str, str]:
    """The fields of a posted form, the first of each name; raises as `read_body`."""
    body = (await read_body(request, most_bytes)).decode("ascii", "replace")
    try:
        fields = parse_qs(body, keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError as error:
        raise TooLong(f"the form has more than {MOST_FIELDS} fields: send those of the page") from error
    return {name: replace_invalid_unicode(values[0]).replace("\r\n", "\n") for name, values in fields.items()}
