"""The map of a dictionary: its page, and what its script asks for: points, labels, and what a text finds."""

import hashlib
from types import SimpleNamespace
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from web.addressed_rows import find_sae, parse_feature_id, sae_link
from web.error_pages import NotFound, problem
from web.formatting import visible_text
from web.page_rendering import latest_warehouse, render_page
from web.query_files import queries
from web.urls import parse_id, replace_invalid_unicode, sae_url
from web.warehouse_file import WarehouseSnapshot

MOST_SEARCHED = 1000
"""Characters of a search."""
MOST_LABELS = 200
"""Features whose labels are asked for at once."""
MOST_FOUND = 50_000
"""Features of a search that light up; the rest is told."""


def page(request: Request) -> Response:
    """The map, with a feature or a cluster of it in the middle where the address names one."""
    sae, snapshot, values = _asked(request)
    if not snapshot.ask(queries()["map_quality"], values):
        raise NotFound(
            f"{sae.model_id}/{sae.recipe_id} has no map: materialize `feature_map` and `published_warehouse`",
            sae_link(sae),
        )
    feature_id = None
    if request.query_params.get("feature"):
        feature_id = parse_feature_id(sae, request.query_params["feature"])
    return render_page(
        request,
        "map",
        values,
        heading="Map of features",
        trail=sae_link(sae),
        snapshot=snapshot,
        sae=sae,
        address=f"{sae_url(sae.model_id, sae.recipe_id)}/map",
        text=replace_invalid_unicode(request.query_params.get("text", ""))[:MOST_SEARCHED],
        feature_id=feature_id,
        cluster_id=_cluster(request, sae, snapshot, values),
    )


def points(request: Request) -> Response:
    """Every point: how many, then their features, places x and y, and clusters, column after column, each number of 4,
    2, 2 and 4 bytes, the low byte first."""
    _, snapshot, values = _asked(request)
    etag = _etag(snapshot)
    headers = {"etag": etag, "cache-control": "no-cache"}
    if etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    columns = snapshot.columns(queries()["map_points"], values)
    n = len(columns["feature_id"])
    types = {"feature_id": "<u4", "x": "<u2", "y": "<u2", "cluster_id": "<u4"}
    parts = [columns[name].astype(kind, copy=False).tobytes() for name, kind in types.items()]
    return Response(b"".join([n.to_bytes(4, "little"), *parts]), media_type="application/octet-stream", headers=headers)


def labels(request: Request) -> Response:
    """Label and top tokens of features by number, as `?features=1,2,3`."""
    _, snapshot, values = _asked(request)
    numbers = tuple(parse_id(text) for text in request.query_params.get("features", "").split(",")[: MOST_LABELS + 1])
    if None in numbers or len(numbers) > MOST_LABELS:
        return problem(400, f"features= takes up to {MOST_LABELS} numbers with commas between them, such as 1,2,3")
    rows = snapshot.ask(queries()["map_labels"], values | {"features": numbers})
    return JSONResponse({row.feature_id: _shown(row) for row in rows})


def found(request: Request) -> Response:
    """Numbers of the features on the map whose label or top tokens contain `?text=`."""
    _, snapshot, values = _asked(request)
    text = replace_invalid_unicode(request.query_params.get("text", ""))
    if not 0 < len(text) <= MOST_SEARCHED:
        return problem(400, f"text= takes what is searched for: 1 to {MOST_SEARCHED:,} characters")
    rows = snapshot.columns(queries()["map_found"], values | {"text": text})["feature_id"].tolist()
    return JSONResponse({"features": rows[:MOST_FOUND], "is_whole": len(rows) <= MOST_FOUND})


def _shown(row: SimpleNamespace) -> dict[str, Any]:
    """A label or none, and tokens, as people read them."""
    label = row.label and visible_text(row.label)
    return {"label": label, "tokens": [visible_text(token, 40) for token in row.top_tokens or []]}


def _asked(request: Request) -> tuple[SimpleNamespace, WarehouseSnapshot, dict[str, Any]]:
    snapshot = latest_warehouse(request).get()
    sae = find_sae(
        snapshot, *(replace_invalid_unicode(request.path_params[name]) for name in ("model_id", "recipe_id"))
    )
    return sae, snapshot, {"model_id": sae.model_id, "recipe_id": sae.recipe_id}


def _cluster(request: Request, sae: SimpleNamespace, snapshot: WarehouseSnapshot, values: dict[str, Any]) -> int | None:
    """The cluster that the address names.

    Raises:
        NotFound: If the map has no such cluster.
    """
    text = request.query_params.get("cluster", "")
    if not text:
        return None
    [quality] = snapshot.ask(queries()["map_quality"], values)
    cluster_id = parse_id(text)
    if cluster_id is None or cluster_id >= quality.n_clusters:
        raise NotFound(
            f"the map has {quality.n_clusters:,} clusters, numbered from 0: there is no cluster {visible_text(text)}",
            [("the map", f"{sae_url(sae.model_id, sae.recipe_id)}/map")],
        )
    return cluster_id


def _etag(snapshot: WarehouseSnapshot) -> str:
    return f'"{hashlib.sha256(repr(snapshot.stamp).encode()).hexdigest()[:16]}"'
