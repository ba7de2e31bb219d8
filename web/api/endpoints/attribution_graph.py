"""An attribution graph: what pruning keeps of it, how far it is to be trusted, and where it was checked."""

from typing import Annotated, Any

from pydantic import Field

from web.api.endpoint import Endpoint, Question, object_schema, row_ref, rows_ref
from web.api.parameters import OfGraph
from web.graph_pages import find_graph
from web.urls import graph_url


class WholeGraph(OfGraph):
    """A graph, with or without its weakest edges."""

    least_share: Annotated[
        float, Field(ge=0, le=1, description="Edges are left out that are less of what acts on their target.")
    ] = 0.0


def _answer(question: Question, asked: WholeGraph) -> dict[str, Any]:
    of, row = find_graph(question.snapshot, asked.model_id, asked.experiment_id, str(asked.prompt_id))
    names = ("graph_nodes", "graph_edges", "graph_agreement", "graph_checks")
    nodes, edges, agreement, checks = question.rows_together(names, of | {"least_share": asked.least_share})
    return {
        "model_id": asked.model_id,
        "experiment_id": asked.experiment_id,
        **vars(row),
        "nodes": nodes,
        "edges": edges,
        "agreement": agreement,
        "checks": checks,
        "page": graph_url(asked.model_id, asked.experiment_id, asked.prompt_id),
    }


ENDPOINT = Endpoint(
    title="An attribution graph: kept nodes with labels, kept edges, scores, and how well it predicts the model.",
    path="/experiments/{model_id}/{experiment_id}/graphs/{prompt_id}",
    parameters=WholeGraph,
    answer=_answer,
    schema={
        "allOf": [
            row_ref("graph"),
            object_schema(
                model_id={"type": "string"},
                experiment_id={"type": "string"},
                nodes=rows_ref("graph_nodes"),
                edges=rows_ref("graph_edges"),
                agreement=rows_ref("graph_agreement"),
                checks=rows_ref("graph_checks"),
                page={"type": "string", "description": "Where people read it."},
            ),
        ]
    },
    tool="get_attribution_graph",
)
