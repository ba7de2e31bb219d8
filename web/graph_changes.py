"""A feature of an attribution graph changed in the model: what becomes of the graph's logits, beside its prediction.

Asked from the graph's page, in the queue of the models.
"""

import math
from collections.abc import Mapping, Sequence
from functools import partial
from types import SimpleNamespace
from typing import Any, Protocol

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from web.error_pages import NotFound, problem
from web.formatting import visible_text
from web.graph_pages import find_graph
from web.model_queue import Busy, HasLeft, Report
from web.page_rendering import latest_warehouse
from web.panel_templates import environment
from web.query_files import queries
from web.request_origin import is_for_another_site
from web.urls import graph_url, parse_id, replace_invalid_unicode

MOST_FACTOR = 100
NO_MODELS = "these pages were started without anything that runs models: start them with `glasshouse serve`"


class ChangedLogit(Protocol):
    """A logit of the graph, less the vocabulary's average, and by how much it moves."""

    @property
    def token(self) -> str: ...

    @property
    def predicted(self) -> float:
        """By the graph."""
        ...

    @property
    def held(self) -> float:
        """In the model with attention patterns and the scales of norms as they were."""
        ...

    @property
    def free(self) -> float:
        """In the model as it is."""
        ...


class GraphChanger(Protocol):
    """Runs the model of a graph with a feature changed. Refuses with a ValueError whose sentence the page shows."""

    def change(self, graph: Mapping[str, Any], node: Any, factor: float, report: Report) -> Sequence[ChangedLogit]:
        """
        Args:
            graph: model_id, experiment_id and prompt_id.
            node: A row of `graph_nodes`, of a feature.
            factor: What its activation is multiplied by: 0 ablates it.
        """
        ...


async def change_feature(request: Request) -> Response:
    """What the change that the address names does."""
    changer: GraphChanger | None = request.app.state.graph_changer
    graph, node, factor, shared = _question(request)
    if changer is None:
        return problem(503, NO_MODELS)
    if is_for_another_site(request):
        return _page(shared, refused="another site asked for this: press the button if you want it")
    work = partial(changer.change, graph, node, factor)
    try:
        found = await request.app.state.model_queue.run(work, request.is_disconnected)
    except Busy as error:
        return problem(503, str(error))
    except HasLeft:
        return Response(status_code=499)
    except ValueError as error:
        return _page(shared, refused=str(error))
    return _page(shared, logits=found)


def _question(request: Request) -> tuple[dict[str, Any], SimpleNamespace, float, dict[str, Any]]:
    snapshot = latest_warehouse(request).get()
    values, _ = find_graph(
        snapshot, **{name: replace_invalid_unicode(text) for name, text in request.path_params.items()}
    )
    number, here = request.query_params.get("node", ""), graph_url(**values)
    nodes = {node.node_id: node for node in snapshot.ask(queries()["graph_nodes"], values) if node.kind == "feature"}
    node = nodes.get(-1 if (known := parse_id(number)) is None else known)
    if node is None:
        raise NotFound(f"node {visible_text(number)} is no feature that this graph keeps", [("the graph", here)])
    factor = _factor(request.query_params.get("factor", "0"), here)
    shared = {
        "heading": node.label or f"{node.recipe_id}/{node.feature_id}",
        "kicker": f"{visible_text(node.recipe_id)}/{node.feature_id} at position {node.position}, "
        f"its activation times {factor:g}",
        "trail": [("the graph", here)],
        "published_at": snapshot.published_at,
        "address": f"{here}/change",
        "node": node,
        "factor": factor,
    }
    return values, node, factor, shared


def _factor(text: str, here: str) -> float:
    try:
        factor = float(text)
    except ValueError:
        factor = math.nan
    if not abs(factor) <= MOST_FACTOR:
        raise NotFound(
            f"factor= takes a number between -{MOST_FACTOR} and {MOST_FACTOR}, not {visible_text(text, 40)}",
            [("the graph", here)],
        )
    return factor


def _page(shared: dict[str, Any], **found: Any) -> Response:
    values = {"panels": [], "refused": "", "logits": []} | found | shared
    text = environment().get_template("graph_change.html").render(values)
    return HTMLResponse(text, headers={"cache-control": "no-store"})
