"""The images that experiments made, as files that pages show."""

from starlette.requests import Request
from starlette.responses import Response

from web.error_pages import NotFound
from web.page_rendering import latest_warehouse
from web.query_files import queries
from web.urls import experiment_url, replace_invalid_unicode

PNG = b"\x89PNG\r\n\x1a\n"
MOST_IMAGES = 2**31
CACHED = {"cache-control": "private, max-age=300"}
"""An experiment that is made again may have other images under the same addresses."""


def experiment_image(request: Request) -> Response:
    """One image by its number, as the panel of optimised images counts them; what is no PNG file is not sent."""
    values = {name: replace_invalid_unicode(request.path_params[name]) for name in ("model_id", "experiment_id")}
    number, page = min(request.path_params["number"], MOST_IMAGES), experiment_url(**values)
    rows = latest_warehouse(request).get().ask(queries()["optimised_image_png"], values | {"number": number})
    if not rows or not bytes(rows[0].png).startswith(PNG):
        raise NotFound(f"the experiment has no image {number}", [("The experiment", page)])
    return Response(bytes(rows[0].png), media_type="image/png", headers=CACHED)
