"""The page of a reader's own image: a form, and what the dictionaries of a vision model say of what was sent.

Nothing of the image is kept; what the page shows of it was made again from its pixels.
"""

from email.parser import BytesParser
from email.policy import HTTP
from typing import Any, Protocol

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from web.error_pages import NotFound, problem
from web.formatting import visible_text
from web.model_queue import Busy, HasLeft, Report
from web.page_rendering import latest_warehouse, render_page
from web.query_files import queries
from web.request_body import TooLong, read_body
from web.urls import model_url, replace_invalid_unicode

MOST_BYTES = 16 << 20
"""Of an image that is sent."""
NOBODY = "these pages were started without anything that runs models: start them with `glasshouse serve`"


class ImageReader(Protocol):
    """Runs vision models."""

    def read_image(self, model_id: str, data: bytes, recipe_ids: tuple[str, ...], report: Report) -> Any:
        """What fires in an image; raises ValueError with the sentence why it cannot be read."""
        ...


async def image(request: Request) -> Response:
    """The form, or what the dictionaries say of the image that was sent with it."""
    model_id, recipe_ids = await run_in_threadpool(_dictionaries, request)
    found, refused = None, ""
    if request.method == "POST":
        try:
            found = await _read(request, model_id, recipe_ids)
        except (ClientDisconnect, TimeoutError, HasLeft):
            return problem(408, "the image did not arrive: send it again")
        except TooLong:
            return problem(413, f"the image is larger than {MOST_BYTES >> 20} MB: send a smaller one")
        except Busy as error:
            return problem(503, str(error))
        except ValueError as error:
            refused = str(error)
    return await run_in_threadpool(
        render_page,
        request,
        "image",
        {"model_id": model_id},
        heading=f"Your own image under {model_id}",
        trail=[(model_id, model_url(model_id))],
        reading=found,
        refused=refused,
    )


async def _read(request: Request, model_id: str, recipe_ids: tuple[str, ...]) -> Any:
    data = _file_of(request.headers.get("content-type", ""), await read_body(request, MOST_BYTES))
    reader = request.app.state.image_reader
    if reader is None:
        raise ValueError(NOBODY)
    if not data:
        raise ValueError("no file was sent: choose an image")
    queue = request.app.state.model_queue
    return await queue.run(
        lambda report: reader.read_image(model_id, data, recipe_ids, report), request.is_disconnected
    )


def _file_of(content_type: str, body: bytes) -> bytes:
    """The first file of a form."""
    if not content_type.startswith("multipart/form-data"):
        return b""
    head = b"content-type: " + content_type.encode("ascii", "replace") + b"\r\n\r\n"
    form = BytesParser(policy=HTTP).parsebytes(head + body)
    for part in form.iter_parts() if form.is_multipart() else ():
        if part.get_filename():
            found = part.get_payload(decode=True)
            return found if isinstance(found, bytes) else b""
    return b""


def _dictionaries(request: Request) -> tuple[str, tuple[str, ...]]:
    """The model, and its dictionaries; raises NotFound where it has none, or reads text."""
    snapshot = latest_warehouse(request).get()
    model_id = replace_invalid_unicode(request.path_params["model_id"])
    rows = snapshot.ask(queries()["model"], {"model_id": model_id})
    recipe_ids = tuple(row.recipe_id for row in snapshot.ask(queries()["saes"], {}) if row.model_id == model_id)
    if not rows or not recipe_ids or not rows[0].sees_images:
        known = [(row.model_id, model_url(row.model_id)) for row in snapshot.ask(queries()["models"], {})]
        raise NotFound(f"{visible_text(model_id)} is no vision model with a dictionary in this warehouse", known[:10])
    return model_id, recipe_ids
