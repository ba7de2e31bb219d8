"""Rows of the edges between the parts of a model, prompt by prompt."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from models.attribution.answer_metric import AnswerMetric
from models.attribution.edge_effects import (
    Edge,
    EdgeSweep,
    circuit_metrics,
    estimated_edges,
    exact_edges,
    strongest_edges,
)
from models.attribution.edge_graph import EdgeGraph
from models.attribution.edge_pass import EdgePass
from models.attribution.patching_agreement import PatchingAgreement
from models.experiments.method import ExperimentInput, PassCount
from models.experiments.prompt_encoding import EncodedPrompt
from models.experiments.settings.activation_patching import ActivationPatchingSettings, EdgeMethod
from models.language_model.sites import Site

Given = ExperimentInput[ActivationPatchingSettings]
ENTRY = Site("resid_pre", 0)


@dataclass(frozen=True, slots=True)
class EdgeRows:
    """The rows of some prompts, as they come."""

    given: Given
    passes: EdgePass
    rows: Mapping[str, list[dict[str, Any]]] = field(
        default_factory=lambda: {"edge_effect": list[dict[str, Any]](), "edge_faithfulness": list[dict[str, Any]]()}
    )

    @classmethod
    def of(cls, given: Given) -> "EdgeRows":
        return cls(given, EdgePass.of(given.host))

    def add(self, prompt: EncodedPrompt, metric: AnswerMetric, direction: str) -> Iterator[dict[str, Any]]:
        """Measures one prompt's edges; returns how well each estimate agrees with patching."""
        settings, sweep = self.given.settings, self._sweep(prompt, metric)
        rows, key = settings.rows_per_pass, {"prompt_id": prompt.prompt_id, "direction": direction}
        steps: dict[EdgeMethod, int] = {"eap": 0, "eap_ig": settings.integration_steps}
        found: dict[EdgeMethod, Tensor] = {
            method: estimated_edges(sweep, direction, steps[method], rows) for method in settings.edges
        }
        sample = _sample(self.given, prompt, sweep.passes.graph, found[settings.edges[-1]])
        exact_N = exact_edges(sweep, direction, sample, rows)
        self.rows["edge_effect"].extend(key | row for row in _effect_rows(self.given, sweep, found, sample, exact_N))
        self.rows["edge_faithfulness"].extend(key | row for row in _faithfulness_rows(self.given, prompt, sweep, found))
        return _agreement_rows(found, sample, exact_N)

    def _sweep(self, prompt: EncodedPrompt, metric: AnswerMetric) -> EdgeSweep:
        assert prompt.corrupt_ids is not None, "checked before the first pass"
        ids_BP = torch.tensor([prompt.token_ids, prompt.corrupt_ids])
        with self.given.host.capture([ENTRY]) as found:
            self.given.host.forward(ids_BP)
        return EdgeSweep.of(self.passes, metric, ids_BP[0], *found[ENTRY].unbind())


def _sample(given: Given, prompt: EncodedPrompt, graph: EdgeGraph, effects_VU: Tensor) -> list[Edge]:
    """Edges that are patched by themselves: the strongest, and some of all others."""
    n = min(given.settings.edge_sample, int(graph.edges_VU.sum()))
    strongest = strongest_edges(effects_VU, n // 2)
    return [*strongest, *_drawn(graph, given.seed + prompt.prompt_id, n - len(strongest), strongest)]


def _drawn(graph: EdgeGraph, seed: int, n: int, besides: Sequence[Edge] = ()) -> list[Edge]:
    left_VU = graph.edges_VU.clone()
    for u, v in besides:
        left_VU[v, u] = False
    places = left_VU.nonzero()
    chosen = torch.randperm(len(places), generator=torch.Generator().manual_seed(seed))[:n]
    return [(u, v) for v, u in places[chosen].tolist()]


def _effect_rows(
    given: Given, sweep: EdgeSweep, found: Mapping[EdgeMethod, Tensor], sample: Sequence[Edge], exact_N: Tensor
) -> Iterator[dict[str, Any]]:
    """The strongest edges of each estimate, and all that were patched, by every method."""
    exact = dict(zip(sample, exact_N.tolist(), strict=True))
    for rank, edge in enumerate(sorted(exact, key=lambda edge: -abs(exact[edge]))):
        yield _row(given, sweep, "exact", edge, exact[edge], rank)
    for method, effects_VU in found.items():
        ranked = strongest_edges(effects_VU, effects_VU.numel())
        ranks = {edge: rank for rank, edge in enumerate(ranked)}
        for edge in dict.fromkeys([*ranked[: given.settings.kept_edges], *sample]):
            yield _row(given, sweep, method, edge, float(effects_VU[edge[1], edge[0]]), ranks.get(edge))


def _row(given: Given, sweep: EdgeSweep, method: str, edge: Edge, effect: float, rank: int | None) -> dict[str, Any]:
    source, target = sweep.passes.graph.sources[edge[0]], sweep.passes.graph.targets[edge[1]]
    return {
        "method": method,
        "source": source.kind,
        "source_layer": source.layer,
        "source_head": source.head,
        "target": target.kind,
        "target_layer": target.layer,
        "target_head": target.head,
        "rank": rank,
        "metric": given.settings.metric,
        "effect": effect,
        "clean_metric": sweep.clean.metric,
        "corrupt_metric": sweep.corrupt.metric,
    }


def _faithfulness_rows(
    given: Given, prompt: EncodedPrompt, sweep: EdgeSweep, found: Mapping[EdgeMethod, Tensor]
) -> Iterator[dict[str, Any]]:
    sizes = circuit_sizes(given, sweep.passes.graph)
    chance = _drawn(sweep.passes.graph, given.seed + prompt.prompt_id, max(sizes))
    ranked = {method: strongest_edges(effects_VU, max(sizes)) for method, effects_VU in found.items()}
    for method, edges in {**ranked, "random": chance}.items():
        metrics = circuit_metrics(sweep, [edges[:size] for size in sizes], given.settings.rows_per_pass)
        for size, value in zip(sizes, metrics.tolist(), strict=True):
            yield {
                "method": method,
                "n_edges": size,
                "n_all": int(sweep.passes.graph.edges_VU.sum()),
                "value": value,
                "clean_metric": sweep.clean.metric,
                "corrupt_metric": sweep.corrupt.metric,
            }


def _agreement_rows(
    found: Mapping[EdgeMethod, Tensor], sample: Sequence[Edge], exact_N: Tensor
) -> Iterator[dict[str, Any]]:
    for method, effects_VU in found.items():
        near_N = torch.stack([effects_VU[v, u] for u, v in sample])
        agreement = PatchingAgreement.of(exact_N, near_N)
        yield {
            "method": method,
            "site": "edge",
            "n_places": agreement.n,
            "pearson": agreement.pearson,
            "spearman": agreement.spearman,
            "top_ten_share": agreement.top_ten_share,
        }


def circuit_sizes(given: Given, graph: EdgeGraph) -> list[int]:
    """Numbers of edges, none of them more than the model has."""
    return sorted({min(size, int(graph.edges_VU.sum())) for size in given.settings.edge_circuits})


def edge_passes(given: Given) -> PassCount:
    """What the edges of all prompts cost, a row of a batch being a reader."""
    settings = given.settings
    if not settings.edges:
        return PassCount(0)
    graph = EdgeGraph.of(given.host)
    steps = {"eap": 1, "eap_ig": settings.integration_steps}
    n_backward = sum(steps[method] for method in settings.edges)
    n_circuits = (len(settings.edges) + 1) * len(circuit_sizes(given, graph))
    n_forward = 2 + n_backward + min(settings.edge_sample, int(graph.edges_VU.sum())) + n_circuits
    each = graph.n_readers * len(given.prompts) * len(settings.directions)
    return PassCount(each * n_forward, each * n_backward)


def check_edges(given: Given) -> None:
    """Refuses a model or a corruption whose edges cannot be told.

    Raises:
        ValueError: Saying which.
    """
    settings = given.settings
    if settings.edges and settings.corruption == "noise":
        raise ValueError("edges are measured between two prompts: leave `edges` out, or set `corruption: prompt`")
    if settings.edges and not settings.edge_circuits:
        raise ValueError("edge_circuits is empty: name numbers of edges, or leave `edges` out")
    if settings.edges:
        EdgePass.of(given.host)
