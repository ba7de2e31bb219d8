"""A feature of a stored attribution graph, changed in the model for who looks at the graph's page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pipelines.serving.model_hosts import ModelHosts, Report
from storage.remote_errors import Unreachable, remote_errors

if TYPE_CHECKING:
    from models.experiments.graph_rows import PrunedPrompt
    from models.experiments.method import ExperimentInput


@dataclass(frozen=True, slots=True)
class LogitMovement:
    """By how much a logit of the graph moves: as predicted, with attention and norms held, and in the model."""

    token: str
    predicted: float
    held: float
    free: float


class StoredGraphChanger:
    """Draws the graph of one prompt anew, and keeps it for the next question about it."""

    def __init__(self, hosts: ModelHosts) -> None:
        self.hosts = hosts
        self._kept: tuple[Any, ExperimentInput[Any], PrunedPrompt] | None = None

    def change(self, graph: Mapping[str, Any], node: Any, factor: float, report: Report) -> Sequence[LogitMovement]:
        """Runs the model with a feature changed.

        Args:
            graph: model_id, experiment_id and prompt_id.
            node: Its row of `graph_node`.
            factor: What its activation is multiplied by: 0 ablates it.

        Raises:
            ValueError: If the experiment, its model or its dictionaries are not what the graph was drawn from.
        """
        try:
            with self.hosts.turn, remote_errors():
                return self._changed(graph, node, factor, report)
        except Unreachable as error:
            raise ValueError(str(error)) from error

    def _changed(self, stored: Mapping[str, Any], node: Any, factor: float, report: Report) -> Sequence[LogitMovement]:
        from models.attribution.graphs.changed_features import FeatureChange, change_effects

        given, found = self._graph(report, **stored)
        graph, at, nodes = found.graph, node.node_id, found.graph.nodes
        columns = (nodes.layer_N, nodes.position_N, nodes.feature_N) if at < len(graph) else ()
        if [int(column[at]) for column in columns] != [node.layer, node.position, node.feature_id]:
            raise ValueError(
                f"the graph that {stored['model_id']}/{stored['experiment_id']} draws now has another node {at} than "
                "the published one: run the experiment again (glasshouse experiment), then ask once more"
            )
        report("running the model with the feature changed")
        change, none = FeatureChange(at, factor), np.zeros(0, dtype=np.int64)
        held, free = (
            next(change_effects(given.host, found.passed, graph, [change], none, frozen=frozen))
            for frozen in (True, False)
        )
        tokens = [given.host.tokenizer.decode([int(token)]) for token in nodes.token_N[graph.logits]]
        values = [each.tolist() for each in (held.predicted_T, held.actual_T, free.actual_T)]
        return [LogitMovement(*row) for row in zip(tokens, *values, strict=True)]

    def _graph(
        self, report: Report, model_id: str, experiment_id: str, prompt_id: int
    ) -> "tuple[ExperimentInput[Any], PrunedPrompt]":
        from models.experiments.methods.attribution_graph import pruned_prompt
        from pipelines.experiments.experiment_input import experiment_input

        store = self.hosts.store
        registration = store.experiment(f"{model_id}/{experiment_id}")
        if registration.card.method != "attribution_graph":
            raise ValueError(f"{experiment_id} asks for {registration.card.method} now, and draws no graphs")
        identity = (registration, prompt_id)
        if self._kept is not None and self._kept[0] == identity:
            return self._kept[1], self._kept[2]
        report("loading the model")
        model = self.hosts.row("model", model_id=model_id)
        given = experiment_input(store, registration, self.hosts.model(model, registration.model.dtype).host)
        prompts = [each for each in given.prompts if each.prompt_id == prompt_id]
        if not prompts:
            raise ValueError(f"the prompt set has no prompt {prompt_id} any more: run the experiment again")
        report("drawing the graph anew")
        found = pruned_prompt(given, prompts[0])
        self._kept = (identity, given, found)
        return given, found
