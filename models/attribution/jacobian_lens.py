"""The Jacobian lens: what a stream is disposed to make the model say, now and later (Gurnee et al. 2026).

J_l = E[∂ h_last / ∂ h_l]: the derivative of the stream behind the last block by the stream of a layer, summed over the
current and all later positions that it reaches, averaged over source positions and texts. The first positions of a text
are left out, for attention sinks stand there. J of the last block is the identity.

Rows of a batch are copies of one text, each asked for another dimension of the output: one backward pass gives as many
rows of J, of all layers at once.

B rows of a batch, P positions, D width of the stream.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from models.attribution.stream_lens import StreamLens, stream_sites
from models.language_model.hooked_model import HookedModel


@dataclass(frozen=True, slots=True)
class JacobianSum:
    """Sums over texts, of which two can be added: a lens is fitted on halves as on the whole."""

    total_LDD: Tensor
    """By layer, from −1 on."""
    n_texts: int

    def __add__(self, other: "JacobianSum") -> "JacobianSum":
        return JacobianSum(self.total_LDD + other.total_LDD, self.n_texts + other.n_texts)

    @property
    def lens(self) -> StreamLens:
        maps_DD = (self.total_LDD / self.n_texts).float()
        return StreamLens("jacobian", {layer - 1: map_DD for layer, map_DD in enumerate(maps_DD)})


def jacobian_sum(
    host: HookedModel, texts: Sequence[Sequence[int]], skip_first: int, rows_per_pass: int = 32
) -> JacobianSum:
    """The Jacobians of some texts.

    Args:
        host: The model.
        texts: Token ids of each, special tokens included.
        skip_first: Positions that are left out at the beginning of each.
        rows_per_pass: Rows of J that a backward pass gives.

    Raises:
        ValueError: If a text ends before the positions that are left out.
    """
    if short := [len(text) for text in texts if len(text) <= skip_first]:
        raise ValueError(
            f"a text of {min(short)} tokens has none behind the {skip_first} that are left out: take longer texts, or "
            "leave out fewer"
        )
    sums = [_of_text(host, text, skip_first, min(rows_per_pass, host.d_model)) for text in texts]
    return JacobianSum(torch.stack(sums).sum(0), len(texts))


def _of_text(host: HookedModel, text: Sequence[int], skip_first: int, n_rows: int) -> Tensor:
    """[L, D, D] of one text, in float64."""
    sites = [site for _, site in stream_sites(host.n_layers)]
    with torch.enable_grad(), host.capture(sites, stop_early=False, detach=False) as stream:
        host.forward(torch.tensor([list(text)] * n_rows))
    last_BPD = stream[sites[-1]]
    jacobian_LDD = torch.zeros(len(sites), host.d_model, host.d_model, dtype=torch.float64)
    for first in range(0, host.d_model, n_rows):
        dimensions = range(first, min(first + n_rows, host.d_model))
        cotangent_BPD = torch.zeros_like(last_BPD)
        for row, dimension in enumerate(dimensions):
            cotangent_BPD[row, skip_first:, dimension] = 1
        slopes = torch.autograd.grad(last_BPD, [stream[site] for site in sites], cotangent_BPD, retain_graph=True)
        for layer, slope_BPD in enumerate(slopes):
            mean_BD = slope_BPD[: len(dimensions), skip_first:].double().mean(1)
            jacobian_LDD[layer, dimensions.start : dimensions.stop] = mean_BD.cpu()
    return jacobian_LDD
