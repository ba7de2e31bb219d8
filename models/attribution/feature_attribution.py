"""What each feature of a dictionary, and what the dictionary leaves out, does to a model's answer (Marks et al. 2024).

An activation is its features' directions and an error: x = Σ f_k W_dec[k] + b + e. Between a clean and a corrupt prompt
of equal length, the effect of a node on a metric m is approximated by its change times the gradient of m: at the clean
activation (attribution patching, Nanda 2023), or averaged along the line to the corrupt one (integrated gradients,
Sundararajan et al. 2017). The exact effect is that of a pass in which the node alone has its corrupt value.

P positions, D width, F features, N steps or nodes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from models.dictionaries.base import SparseDictionary
from models.language_model.hooked_model import HookedModel
from models.language_model.sites import Site

ERROR = -1
"""The node of what a dictionary leaves out, among the numbers of features."""

Metric = Callable[[Tensor], Tensor]
"""Logits of the last position (N, V) as one number a row (N), such as `AnswerMetric`."""


@dataclass(frozen=True, slots=True)
class DecomposedSite:
    """The activations of a prompt at one site as codes and error; special tokens before the text are not read."""

    sae: SparseDictionary
    x_PD: Tensor
    codes_PF: Tensor
    n_special: int

    @classmethod
    @torch.no_grad()
    def of(cls, sae: SparseDictionary, x_PD: Tensor, n_special: int) -> "DecomposedSite":
        codes_PF = x_PD.new_zeros(len(x_PD), sae.n_features)
        codes_PF[n_special:] = sae.encode(x_PD[n_special:]).dense()
        return cls(sae, x_PD, codes_PF, n_special)

    @property
    def error_PD(self) -> Tensor:
        """What the dictionary leaves out; nothing where it does not read."""
        W_dec, b_dec = (part.detach().to(self.x_PD) for part in (self.sae.W_dec, self.sae.b_dec))
        error_PD = self.x_PD - (self.codes_PF @ W_dec + b_dec)
        error_PD[: self.n_special] = 0
        return error_PD


@torch.no_grad()
def site_values(
    host: HookedModel, sites: Sequence[Site], token_ids: Sequence[int], metric: Metric
) -> tuple[dict[Site, Tensor], float]:
    """The value of each site (P, D) for a prompt, and its metric."""
    with host.capture(sites, stop_early=False) as captured:
        logits = host.forward(torch.tensor([list(token_ids)]))
    assert logits is not None, "a pass that is not stopped has logits"
    return {site: captured[site][0] for site in sites}, float(metric(logits[:, -1].float())[0])


def mean_gradient(
    host: HookedModel,
    site: Site,
    token_ids: Sequence[int],
    clean_PD: Tensor,
    corrupt_PD: Tensor,
    metric: Metric,
    n: int,
) -> Tensor:
    """The gradient of the metric with respect to a site (P, D), averaged over n midpoints of the line from its clean to
    its corrupt value while the rest of the pass is of the clean prompt; for n = 0 that at the clean value."""
    share_N = (torch.arange(n) + 0.5) / n if n else torch.zeros(1)
    share_N11 = share_N.to(clean_PD)[:, None, None]
    x_NPD = (clean_PD + share_N11 * (corrupt_PD - clean_PD)).requires_grad_()
    with host.intervene({site: lambda _: x_NPD}):
        logits = host.forward(torch.tensor([list(token_ids)] * len(share_N)))
    assert logits is not None, "nothing ends the pass"
    [gradient_NPD] = torch.autograd.grad(metric(logits[:, -1].float()).sum(), [x_NPD])
    return gradient_NPD.mean(dim=0)


@torch.no_grad()
def node_effects(clean: DecomposedSite, corrupt: DecomposedSite, gradient_PD: Tensor) -> tuple[Tensor, float]:
    """The approximate effect of each feature (F), summed over positions, and of the error.

    They sum to the effect of the whole site, as far as the gradient tells it.
    """
    along_PF = gradient_PD @ clean.sae.W_dec.to(gradient_PD).T
    features_F = ((corrupt.codes_PF - clean.codes_PF) * along_PF).sum(dim=0)
    return features_F, float(((corrupt.error_PD - clean.error_PD) * gradient_PD).sum())


@torch.no_grad()
def exact_effects(
    host: HookedModel,
    site: Site,
    token_ids: Sequence[int],
    clean: DecomposedSite,
    corrupt: DecomposedSite,
    nodes: Sequence[int],
    metric: Metric,
) -> Tensor:
    """The metric's change (N) when one node at a time has its corrupt value at every position, the rest being clean."""
    changes = [_change(clean, corrupt, node) for node in nodes]
    with host.intervene({site: lambda x_NPD: x_NPD + torch.stack([torch.zeros_like(changes[0]), *changes])}):
        logits = host.forward(torch.tensor([list(token_ids)] * (len(nodes) + 1)))
    assert logits is not None, "nothing ends the pass"
    metric_N = metric(logits[:, -1].float())
    return metric_N[1:] - metric_N[0]


def _change(clean: DecomposedSite, corrupt: DecomposedSite, node: int) -> Tensor:
    if node == ERROR:
        return corrupt.error_PD - clean.error_PD
    change_P = corrupt.codes_PF[:, node] - clean.codes_PF[:, node]
    return change_P[:, None] * clean.sae.W_dec[node].to(clean.x_PD)
