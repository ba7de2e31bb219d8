"""A page: its panels over one snapshot of the warehouse."""

from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from web.error_pages import NotFound
from web.formatting import visible_text
from web.panel_templates import environment, panels, templates
from web.query_files import Values
from web.warehouse_file import LatestWarehouse, WarehouseSnapshot


def render_page(
    request: Request, name: str, values: Values, *, snapshot: WarehouseSnapshot | None = None, **shared: Any
) -> Response:
    """A page of panels over one snapshot of the warehouse, the latest if none is given."""
    snapshot, only = snapshot or latest_warehouse(request).get(), _embedded(request, name)
    text = (
        environment()
        .get_template("page.html")
        .render(
            panels=panels(name, snapshot, values, only, **shared),
            published_at=snapshot.published_at,
            embedded=only is not None,
            **shared,
        )
    )
    return HTMLResponse(text)


def _embedded(request: Request, page: str) -> set[str] | None:
    """The panels that `?embed=labels,examples` asks for, to stand in a page of somebody else; None: the whole page."""
    if "embed" not in request.query_params:
        return None
    chosen = set(request.query_params["embed"].split(","))
    names = [name for name, _ in templates(page)]
    if unknown := sorted(chosen - set(names)):
        here = request.url.path
        raise NotFound(
            f"there is no panel {visible_text(', '.join(unknown))} on this page: it has {', '.join(names)}",
            [(name, f"{here}?embed={name}") for name in names],
        )
    return chosen


def latest_warehouse(request: Request) -> LatestWarehouse:
    """The published file, looked at anew at each request."""
    return request.app.state.latest
