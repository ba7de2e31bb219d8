"""Whether a set of features is enough for a model's answer, and how its features act on each other (Marks et al. 2024).

In a circuit's pass every feature outside of it has the value of another prompt, at every position; what is inside keeps
the value that the pass itself gives it. Faithfulness is the share of the metric that is left,
(m(C) − m(∅)) / (m(M) − m(∅)): 1 where the circuit alone answers as the model does, 0 where nothing of it is left.

P positions, D width, F features.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from models.attribution.feature_attribution import ERROR, DecomposedSite, Metric, node_effects
from models.language_model.hooked_model import HookedModel
from models.language_model.site_edit import Edit
from models.language_model.sites import Site


@dataclass(frozen=True, slots=True)
class SiteMask:
    """Which nodes of one site belong to a circuit."""

    inside_F: Tensor
    """bool"""
    error_inside: bool

    @classmethod
    def of(cls, nodes: Sequence[int], n_features: int) -> "SiteMask":
        inside_F = torch.zeros(n_features, dtype=torch.bool)
        inside_F[[node for node in nodes if node != ERROR]] = True
        return cls(inside_F, ERROR in nodes)

    @property
    def complement(self) -> "SiteMask":
        return SiteMask(~self.inside_F, not self.error_inside)


@torch.no_grad()
def circuit_metric(
    host: HookedModel,
    token_ids: Sequence[int],
    other: Mapping[Site, DecomposedSite],
    circuit: Mapping[Site, SiteMask],
    metric: Metric,
) -> float:
    """The metric of a prompt in a pass in which what lies outside of the circuit has another prompt's value.

    Args:
        other: The other prompt at each site, of equal length.
        circuit: What is inside, by site.
    """
    edits = {site: _outside_replaced(other[site], mask) for site, mask in circuit.items()}
    with host.intervene(edits):
        logits = host.forward(torch.tensor([list(token_ids)]))
    assert logits is not None, "nothing ends the pass"
    return float(metric(logits[:, -1].float())[0])


def _outside_replaced(other: DecomposedSite, mask: SiteMask) -> Edit:
    def edit(x_BPD: Tensor) -> Tensor:
        here = DecomposedSite.of(other.sae, x_BPD[0], other.n_special)
        change_PF = (other.codes_PF - here.codes_PF) * ~mask.inside_F.to(x_BPD.device)
        change_PD = change_PF @ other.sae.W_dec.to(x_BPD)
        if not mask.error_inside:
            change_PD = change_PD + other.error_PD - here.error_PD
        return x_BPD + change_PD

    return edit


def edge_effects(
    host: HookedModel,
    token_ids: Sequence[int],
    source: tuple[Site, DecomposedSite, DecomposedSite],
    target: tuple[Site, DecomposedSite],
    node: int,
    target_gradient_PD: Tensor,
) -> tuple[Tensor, float]:
    """How much of a target node's effect comes through each feature of an earlier site (F), and through its error.

    The target's activation is followed back through the model between the two sites, linearly: the gradient of
    Σ_P ∂m/∂f · f with respect to the source, times the source's change from clean to corrupt.

    Args:
        source: Site, clean and corrupt values of the earlier dictionary.
        target: Site and clean values of the later one.
        node: Feature of the later one, or ERROR.
        target_gradient_PD: Gradient of the metric with respect to the later site.
    """
    (from_site, clean, corrupt), (to_site, later) = source, target
    x_1PD = clean.x_PD[None].clone().requires_grad_()
    with host.capture([to_site], detach=False) as captured, host.intervene({from_site: lambda _: x_1PD}):
        host.forward(torch.tensor([list(token_ids)]))
        value = _followed(later, node, captured[to_site][0], target_gradient_PD)
        [gradient_1PD] = torch.autograd.grad(value, [x_1PD])
    return node_effects(clean, corrupt, gradient_1PD[0])


def _followed(later: DecomposedSite, node: int, x_PD: Tensor, gradient_PD: Tensor) -> Tensor:
    """Σ over positions of the metric's gradient with respect to a node, held fixed, times the node's value; features
    that fire are linear in the activation, those that do not stay silent."""
    W_dec, encoder_FD = (part.detach().to(x_PD) for part in (later.sae.W_dec, later.sae.encoder_FD))
    along_PF = (gradient_PD @ W_dec.T) * (later.codes_PF > 0)
    if node == ERROR:
        read_PD = gradient_PD.clone()
        read_PD[: later.n_special] = 0
        return (x_PD * read_PD).sum() - ((x_PD @ encoder_FD.T) * along_PF).sum()
    return (along_PF[:, node] * (x_PD @ encoder_FD[node])).sum()
