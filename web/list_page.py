"""The page of a list of features that people made."""

from starlette.requests import Request
from starlette.responses import Response

from web.error_pages import NotFound
from web.formatting import visible_text
from web.page_rendering import latest_warehouse, render_page
from web.query_files import queries
from web.urls import list_url, replace_invalid_unicode


def feature_list(request: Request) -> Response:
    """A list by its id; where there is none, the lists that there are."""
    snapshot = latest_warehouse(request).get()
    values = {"list_id": replace_invalid_unicode(request.path_params["list_id"])}
    rows = snapshot.ask(queries()["feature_list"], values)
    if not rows:
        lists = [(row.title, list_url(row.list_id)) for row in snapshot.ask(queries()["feature_lists"], {})]
        raise NotFound(f"there is no list {visible_text(values['list_id'])} in this warehouse", lists[:10])
    return render_page(request, "list", values, snapshot=snapshot, heading=rows[0].title, trail=[])
