"""An attribution graph as the file that circuit-tracer's and Neuronpedia's viewers open."""

import json
from typing import Any

from web.api.endpoint import Endpoint, Question
from web.api.neuronpedia.graph_shape import SCHEMA, graph_shape
from web.api.parameters import OfGraph
from web.graph_pages import find_graph


def _answer(question: Question, asked: OfGraph) -> dict[str, Any]:
    of, row = find_graph(question.snapshot, asked.model_id, asked.experiment_id, str(asked.prompt_id))
    names = ("graph_nodes", "graph_edges", "experiments", "model")
    nodes, edges, experiments, models = question.rows_together(names, of | {"least_share": 0.0})
    here = (asked.model_id, asked.experiment_id)
    [settings] = [each["settings"] for each in experiments if (each["model_id"], each["experiment_id"]) == here]
    graph = {"model_id": asked.model_id, "experiment_id": asked.experiment_id, **vars(row)}
    return graph_shape(graph, nodes, edges, models[0]["n_layers"], json.loads(settings))


ENDPOINT = Endpoint(
    title="An attribution graph as the file that circuit-tracer's and Neuronpedia's viewers open.",
    path="/graph_data/{model_id}/{experiment_id}/{prompt_id}.json",
    parameters=OfGraph,
    answer=_answer,
    schema=SCHEMA,
    family="circuit-tracer",
)
