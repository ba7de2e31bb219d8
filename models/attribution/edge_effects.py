"""What the edges of a model do to its answer: by gradients (EAP, EAP-IG), by patching one, and by keeping some.

An edge's effect is that of giving one target what one source wrote in another run, all else being as it was. Edge
attribution patching (Syed et al. 2023) estimates all of them by the source's change times the gradient where the
target reads; EAP-IG (Hanna et al. 2024) averages that gradient while the embeddings move from one run to the other. A
circuit of edges keeps the clean value on its own and has the corrupt one on all others.

C circuits, P positions, D width, U sources, V targets, N edges, J steps.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from models.attribution.answer_metric import AnswerMetric
from models.attribution.edge_pass import EdgePass

Edge = tuple[int, int]
"""Numbers of source and target."""


@dataclass(frozen=True, slots=True)
class EdgeRun:
    """One run: what every source wrote, and the answer."""

    written_UPD: Tensor
    metric: float

    @property
    def embedded_PD(self) -> Tensor:
        return self.written_UPD[0]


@dataclass(frozen=True, slots=True)
class EdgeSweep:
    """Edges between two runs of as many tokens, and how they are measured."""

    passes: EdgePass
    metric: AnswerMetric
    token_ids_P: Tensor
    clean: EdgeRun
    corrupt: EdgeRun

    @classmethod
    @torch.no_grad()
    def of(
        cls, passes: EdgePass, metric: AnswerMetric, token_ids_P: Tensor, clean_PD: Tensor, corrupt_PD: Tensor
    ) -> "EdgeSweep":
        """Of the streams that enter the first block."""
        answer = passes(token_ids_P, torch.stack([clean_PD, corrupt_PD]))
        metrics = metric(answer.logits_CV).tolist()
        return cls(passes, metric, token_ids_P, *map(EdgeRun, answer.written_UCPD.unbind(1), metrics))

    def between(self, direction: str) -> tuple[EdgeRun, EdgeRun]:
        """The run that is patched, and the one that values come from."""
        return (self.corrupt, self.clean) if direction == "denoising" else (self.clean, self.corrupt)


def estimated_edges(sweep: EdgeSweep, direction: str, n_steps: int = 0, rows_per_pass: int = 64) -> Tensor:
    """The effect of every edge (V, U) in float64, 0 where there is none.

    Args:
        n_steps: Steps of the way from the patched run's embeddings to the other's; 0 for its own gradient alone.
    """
    base, source = sweep.between(direction)
    steps_J = (torch.arange(n_steps) + 0.5) / n_steps if n_steps else torch.zeros(1)
    total_VPD = torch.zeros(len(sweep.passes.graph.targets), *base.embedded_PD.shape, dtype=torch.float64)
    for share_C in steps_J.split(_circuits(sweep, rows_per_pass)):
        embedded_CPD = base.embedded_PD + share_C[:, None, None].to(base.embedded_PD) * (
            source.embedded_PD - base.embedded_PD
        )
        with torch.enable_grad():
            answer = sweep.passes(sweep.token_ids_P, embedded_CPD, with_offsets=True)
            slopes = torch.autograd.grad(sweep.metric(answer.logits_CV).sum(), answer.offsets_VCPD)
        total_VPD += torch.stack([slope_CPD.double().sum(0).cpu() for slope_CPD in slopes])
    change_UPD = (source.written_UPD - base.written_UPD).double().cpu()
    return (total_VPD / len(steps_J)).flatten(1) @ change_UPD.flatten(1).T * sweep.passes.graph.edges_VU


@torch.no_grad()
def exact_edges(sweep: EdgeSweep, direction: str, edges: Sequence[Edge], rows_per_pass: int = 64) -> Tensor:
    """The metric with each edge patched, less that without (N,); float64."""
    base, source = sweep.between(direction)
    found = [torch.zeros(0, dtype=torch.float64)]
    for chunk in torch.arange(len(edges)).split(_circuits(sweep, rows_per_pass)):
        outside_CVU = torch.zeros(len(chunk), *sweep.passes.graph.edges_VU.shape, dtype=torch.bool)
        for row, number in enumerate(chunk.tolist()):
            u, v = edges[number]
            outside_CVU[row, v, u] = True
        found.append(_metrics(sweep, base, source, outside_CVU) - base.metric)
    return torch.cat(found)


@torch.no_grad()
def circuit_metrics(sweep: EdgeSweep, circuits: Sequence[Sequence[Edge]], rows_per_pass: int = 64) -> Tensor:
    """The metric (C,) of the clean prompt where only a circuit's edges bring the clean run's value; float64."""
    outside_CVU = sweep.passes.graph.edges_VU.repeat(len(circuits), 1, 1)
    for row, edges in enumerate(circuits):
        for u, v in edges:
            outside_CVU[row, v, u] = False
    chunks = outside_CVU.split(_circuits(sweep, rows_per_pass))
    return torch.cat([_metrics(sweep, sweep.clean, sweep.corrupt, chunk) for chunk in chunks])


def _metrics(sweep: EdgeSweep, base: EdgeRun, source: EdgeRun, outside_CVU: Tensor) -> Tensor:
    embedded_CPD = base.embedded_PD.expand(len(outside_CVU), -1, -1)
    outside_CVU = outside_CVU.to(embedded_CPD.device)
    answer = sweep.passes(sweep.token_ids_P, embedded_CPD, outside_CVU, source.written_UPD)
    return sweep.metric(answer.logits_CV).double().cpu()


def _circuits(sweep: EdgeSweep, rows_per_pass: int) -> int:
    """Circuits of one pass."""
    return max(1, rows_per_pass // sweep.passes.graph.n_readers)


def strongest_edges(effects_VU: Tensor, n: int) -> list[Edge]:
    """The edges of the largest effects, sign set aside; those without effect are left out."""
    size = effects_VU.abs().flatten()
    order = size.argsort(descending=True, stable=True)[: min(n, int((size > 0).sum()))]
    n_sources = effects_VU.shape[1]
    return [(place % n_sources, place // n_sources) for place in order.tolist()]
