"""Activation patching: what the answer becomes if one place has the value of another run.

Vig et al. 2020, Causal Mediation Analysis; Meng et al. 2022, Locating and Editing Factual Associations; Heimersheim &
Nanda 2024, How to use and interpret activation patching. Many patched copies run as rows of one batch, from the block
in which the patch stands. B rows, S seeds, P positions, D width, N patches.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from models.attribution.answer_metric import AnswerMetric
from models.attribution.patch import Patch
from models.attribution.patching_runs import Run
from models.attribution.resumed_pass import ResumedPass
from models.language_model.sites import Site


@dataclass(frozen=True, slots=True)
class PatchingSweep:
    """Patches of one run by another, and how they are measured."""

    passes: ResumedPass
    metric: AnswerMetric
    token_ids_P: Tensor
    base: Run
    """The run that is patched."""
    source: Run
    """The run that the values come from."""
    n_heads: Sequence[int]
    """Heads of every block; empty where no head is patched."""

    @property
    def n_seeds(self) -> int:
        return len(self.base.metric_S)

    def heads_at(self, site: Site) -> int:
        return self.n_heads[site.layer or 0] if self.n_heads else 1

    def difference(self, site: Site) -> Tensor:
        """What a patch of all of a site would change, (S, …)."""
        return self.source.values[site] - self.base.values[site]


@torch.no_grad()
def patching_effects(sweep: PatchingSweep, patches: Sequence[Patch], rows_per_pass: int = 64) -> Tensor:
    """The metric under each patch less that of the run without it (N,), averaged over the seeds; float64.

    Args:
        sweep: The two runs.
        patches: The places.
        rows_per_pass: Rows of one batch: what bounds the memory.
    """
    n_layers, by_start = sweep.passes.host.n_layers, defaultdict[int, list[int]](list)
    for number, patch in enumerate(patches):
        by_start[patch.sites(n_layers)[0].layer or 0].append(number)
    effects_N = torch.zeros(len(patches), dtype=torch.float64)
    for start, numbers in by_start.items():
        for chunk_C in torch.tensor(numbers).split(max(1, rows_per_pass // sweep.n_seeds)):
            metric_B = _patched(sweep, start, [patches[number] for number in chunk_C.tolist()])
            metric_CS = metric_B.double().cpu().unflatten(0, (len(chunk_C), -1))
            effects_N[chunk_C] = (metric_CS - sweep.base.metric_S.double().cpu()).mean(1)
    return effects_N


def _patched(sweep: PatchingSweep, start: int, patches: Sequence[Patch]) -> Tensor:
    """The metric of every patch and seed, patch by patch."""
    entry, at_site = Site("resid_pre", start), defaultdict[Site, list[tuple[int, Patch]]](list)
    for number, patch in enumerate(patches):
        for site in patch.sites(sweep.passes.host.n_layers):
            at_site[site].append((number * sweep.n_seeds, patch))
    stream_BPD = sweep.base.values[entry].repeat(len(patches), 1, 1)
    edits = {site: _exchange(sweep, site, rows) for site, rows in at_site.items()}
    if entry in edits:
        stream_BPD = edits.pop(entry)(stream_BPD)
    return sweep.metric(sweep.passes(sweep.token_ids_P, start, stream_BPD, edits).logits_BV)


def _exchange(sweep: PatchingSweep, site: Site, rows: Sequence[tuple[int, Patch]]) -> Callable[[Tensor], Tensor]:
    """An edit in which each of some rows has one place of the other run."""
    source, n_heads = sweep.source.values[site], sweep.heads_at(site)

    def edit(x: Tensor) -> Tensor:
        for first, patch in rows:
            for seed in range(sweep.n_seeds):
                patch.place(x[first + seed], n_heads).copy_(patch.place(source[seed], n_heads))
        return x

    return edit
