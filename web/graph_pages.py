"""The page of an attribution graph: the strongest paths to an answer, the picture, and how far to trust it."""

from types import SimpleNamespace
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from web.error_pages import NotFound
from web.formatting import visible_text
from web.graph_trust import warnings
from web.page_rendering import latest_warehouse, render_page
from web.query_files import queries
from web.urls import (
    api_graph_url,
    experiment_url,
    graph_url,
    parse_id,
    replace_invalid_unicode,
    viewer_graph_url,
)
from web.warehouse_file import WarehouseSnapshot

HEADING_CHARACTERS = 120
"""Characters of the end of a prompt that stand in the heading."""


def graph(request: Request) -> Response:
    """A graph by its prompt; `logit` is the node whose strongest paths are shown, else that of the likeliest answer."""
    snapshot = latest_warehouse(request).get()
    values, row = find_graph(
        snapshot, **{name: replace_invalid_unicode(text) for name, text in request.path_params.items()}
    )
    logits = snapshot.ask(queries()["graph_logits"], values)
    target = _target(logits, request.query_params.get("logit", ""), row, values)
    address = graph_url(**values)
    return render_page(
        request,
        "graph",
        values | {"target_node_id": target.node_id if target else -1},
        heading=f"{_end(row.text)} → {target.token if target else 'nothing'}",
        kicker=f"Attribution graph of prompt {row.prompt_id}: {values['experiment_id']} on {values['model_id']}",
        trail=[
            ("Experiments", "/experiments"),
            (values["experiment_id"], experiment_url(values["model_id"], values["experiment_id"])),
        ],
        snapshot=snapshot,
        graph=row,
        model_id=values["model_id"],
        experiment_id=values["experiment_id"],
        target=target,
        address=address,
        api_address=api_graph_url(**values),
        viewer_address=viewer_graph_url(**values),
        can_change=request.app.state.graph_changer is not None and row.imported_from is None,
        warnings=warnings(row, snapshot.ask(queries()["graph_agreement"], values)),
    )


def find_graph(
    snapshot: WarehouseSnapshot, model_id: str, experiment_id: str, prompt_id: str
) -> tuple[dict[str, Any], SimpleNamespace]:
    """The parameters of a graph's queries, and its row.

    Raises:
        NotFound: If there is none: the sentence names those of the experiment.
    """
    values = {"model_id": model_id, "experiment_id": experiment_id, "prompt_id": parse_id(prompt_id)}
    if values["prompt_id"] is not None and (rows := snapshot.ask(queries()["graph"], values)):
        return values, rows[0]
    name = visible_text(f"{model_id}/{experiment_id}")
    others = snapshot.ask(queries()["graphs_of_experiment"], values)
    raise NotFound(
        f"there is no attribution graph of prompt {visible_text(prompt_id)} of {name} in this warehouse",
        [(f"prompt {row.prompt_id}", graph_url(model_id, experiment_id, row.prompt_id)) for row in others[:5]]
        or [("Experiments", "/experiments")],
    )


def _target(
    logits: list[SimpleNamespace], text: str, row: SimpleNamespace, values: dict[str, Any]
) -> SimpleNamespace | None:
    if not text:
        return logits[0] if logits else None
    for logit in logits:
        if logit.node_id == parse_id(text):
            return logit
    raise NotFound(
        f"node {visible_text(text)} of the graph of prompt {row.prompt_id} is no logit",
        [(each.token, f"{graph_url(**values)}?logit={each.node_id}") for each in logits[:5]],
    )


def _end(text: str) -> str:
    return text if len(text) <= HEADING_CHARACTERS else f"…{text[-HEADING_CHARACTERS:]}"
