"""The images that experiments made, as files that pages show."""

from starlette.requests import Request
from starlette.responses import Response

from web.error_pages import NotFound
from web.page_rendering import latest_warehouse
from web.query_files import AnswersQueries, queries
from web.urls import experiment_url, replace_invalid_unicode

PNG = b"\x89PNG\r\n\x1a\n"
MOST_IMAGES = 2**31
CACHED = {"cache-control": "private, max-age=300"}
"""An experiment that is made again may have other images under the same addresses."""


def experiment_image(request: Request) -> Response:
    """One image by its number, as the panel of optimised images counts them."""
    values = {name: replace_invalid_unicode(request.path_params[name]) for name in ("model_id", "experiment_id")}
    number, page = min(request.path_params["number"], MOST_IMAGES), experiment_url(**values)
    png = stored_image(latest_warehouse(request).get(), **values, number=number)
    if png is None:
        raise NotFound(f"the experiment has no image {number}", [("The experiment", page)])
    return Response(png, media_type="image/png", headers=CACHED)


def stored_image(snapshot: AnswersQueries, model_id: str, experiment_id: str, number: int) -> bytes | None:
    """The file of an image; None where there is none, or what is stored is no PNG."""
    values = {"model_id": model_id, "experiment_id": experiment_id, "number": number}
    rows = snapshot.ask(queries()["optimised_image_png"], values)
    png = bytes(rows[0].png) if rows else b""
    return png if png.startswith(PNG) else None
