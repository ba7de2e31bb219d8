"""Approximations of activation patching by gradients: one pass for all places instead of one for each.

Attribution patching (Nanda 2023): (value of the other run − value) · gradient of the metric, exact where the metric is
linear in the place. Integrated gradients average the gradient over a path between the runs: of the stream that enters
the first block (Hanna et al. 2024, EAP-IG), or of each site by itself (Marks et al. 2024, Sparse Feature Circuits),
which costs passes for each site but adds up to the effect of patching all of the site.

S seeds, P positions, D width, J steps of a path, N patches.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from models.attribution.activation_patching import PatchingSweep
from models.attribution.patch import Patch
from models.language_model.sites import Site

ENTRY = Site("resid_pre", 0)


def attribution_effects(sweep: PatchingSweep, patches: Sequence[Patch]) -> Tensor:
    """Attribution patching: the effect of each patch (N,) from one pass forward and back; float64."""
    sites = _sites(sweep, patches)
    return _scores(sweep, patches, gradients_at(sweep, sites))


def gradients_at(sweep: PatchingSweep, sites: Sequence[Site]) -> dict[Site, Tensor]:
    """The gradient (S, …) of the metric of the patched run at each site."""
    return _gradients(sweep, ENTRY, sites, torch.zeros(1))


def site_path_gradient(sweep: PatchingSweep, site: Site, n_steps: int, rows_per_pass: int) -> Tensor:
    """The gradient (S, …) at a site, averaged over steps of its own way from the patched run to the other."""
    return _averaged(sweep, site, [site], _midpoints(n_steps), rows_per_pass)[site]


def stream_path_effects(
    sweep: PatchingSweep, patches: Sequence[Patch], n_steps: int = 8, rows_per_pass: int = 64
) -> Tensor:
    """Integrated gradients over the stream that enters the first block: J passes for all sites together."""
    sites, steps = _sites(sweep, patches), _midpoints(n_steps)
    return _scores(sweep, patches, _averaged(sweep, ENTRY, sites, steps, rows_per_pass))


def site_path_effects(
    sweep: PatchingSweep, patches: Sequence[Patch], n_steps: int = 8, rows_per_pass: int = 64
) -> Tensor:
    """Integrated gradients over each site by itself: J passes for each site."""
    gradients = {site: site_path_gradient(sweep, site, n_steps, rows_per_pass) for site in _sites(sweep, patches)}
    return _scores(sweep, patches, gradients)


def _midpoints(n_steps: int) -> Tensor:
    return (torch.arange(n_steps) + 0.5) / n_steps


def _sites(sweep: PatchingSweep, patches: Sequence[Patch]) -> list[Site]:
    n_layers = sweep.passes.host.n_layers
    return list(dict.fromkeys(site for patch in patches for site in patch.sites(n_layers)))


def _averaged(
    sweep: PatchingSweep, moved: Site, sites: Sequence[Site], steps_J: Tensor, rows_per_pass: int
) -> dict[Site, Tensor]:
    """Gradients at sites, averaged over the steps of a path of `moved`."""
    total: dict[Site, Tensor] = {}
    for chunk in steps_J.split(max(1, rows_per_pass // sweep.n_seeds)):
        for site, gradient in _gradients(sweep, moved, sites, chunk).items():
            total[site] = total.get(site, 0) + gradient * len(chunk)
    return {site: gradient / len(steps_J) for site, gradient in total.items()}


def _gradients(sweep: PatchingSweep, moved: Site, sites: Sequence[Site], steps_J: Tensor) -> dict[Site, Tensor]:
    """Gradients (S, …) of the metric at sites, averaged over some shares of the way between the runs at `moved`."""
    start = moved.layer or 0
    entry, n_steps = Site("resid_pre", start), len(steps_J)

    def on_the_way(x: Tensor) -> Tensor:
        base, change = sweep.base.values[moved], sweep.difference(moved)
        share = steps_J.to(x).repeat_interleave(sweep.n_seeds).view(-1, *[1] * (x.ndim - 1))
        return base.repeat(n_steps, *[1] * (x.ndim - 1)) + share * change.repeat(n_steps, *[1] * (x.ndim - 1))

    stream_BPD = sweep.base.values[entry].repeat(n_steps, 1, 1)
    edits = {moved: on_the_way}
    if moved == entry:
        stream_BPD, edits = on_the_way(stream_BPD), {}
    with torch.enable_grad():
        answer = sweep.passes(sweep.token_ids_P, start, stream_BPD, edits, gradient_at=sites)
        metric = sweep.metric(answer.logits_BV).sum()
        gradients = torch.autograd.grad(metric, [answer.values[site] for site in sites])
    return {site: g.unflatten(0, (n_steps, -1)).mean(0) for site, g in zip(sites, gradients, strict=True)}


def _scores(sweep: PatchingSweep, patches: Sequence[Patch], gradients: Mapping[Site, Tensor]) -> Tensor:
    """Change times gradient, added up over each patch's place and averaged over the seeds."""
    n_layers, sums = sweep.passes.host.n_layers, dict[tuple[Site, bool], list[float]]()
    effects = []
    for patch in patches:
        effect = 0.0
        for site in patch.sites(n_layers):
            key = site, patch.head is not None
            if key not in sums:
                product = (sweep.difference(site).double() * gradients[site].double()).mean(0)
                sums[key] = _summed(product, patch, sweep.heads_at(site))
            effect += sum(sums[key]) if patch.number is None else sums[key][patch.number]
        effects.append(effect)
    return torch.tensor(effects, dtype=torch.float64)


def _summed(product: Tensor, patch: Patch, n_heads: int) -> list[float]:
    """What a site's places come to: by head, at all positions, where the patch is of one; else by position."""
    if patch.kind == "attn_pattern":
        return product.sum((1, 2) if patch.head is not None else (0, 2)).tolist()
    return (
        product.unflatten(-1, (n_heads, -1)).sum((0, 2)).tolist()
        if patch.head is not None
        else product.sum(-1).tolist()
    )
