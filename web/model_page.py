"""The page of a model: what it is, its dictionaries by layer, and how much of them is known."""

from starlette.requests import Request
from starlette.responses import Response

from web.error_pages import NotFound
from web.formatting import visible_text
from web.page_rendering import latest_warehouse, render_page
from web.query_files import queries
from web.urls import model_url, replace_invalid_unicode


def model(request: Request) -> Response:
    """A model by its id; where there is none, the models that there are."""
    snapshot = latest_warehouse(request).get()
    model_id = replace_invalid_unicode(request.path_params["model_id"])
    if not snapshot.ask(queries()["model"], {"model_id": model_id}):
        known = [(row.model_id, model_url(row.model_id)) for row in snapshot.ask(queries()["models"], {})]
        raise NotFound(f"there is no model {visible_text(model_id)} in this warehouse", known[:10])
    return render_page(request, "model", {"model_id": model_id}, snapshot=snapshot, heading=model_id, trail=[])
