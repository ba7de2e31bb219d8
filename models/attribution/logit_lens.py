"""The logit lens: what the model would say next, if it ended after each block (nostalgebraist 2020).

The stream behind each block goes through the final norm, with its own statistics, and the output embedding. Where the
stream enters the first block stands as layer −1. Streams are read by hooks at the blocks: transformers' own last hidden
state is normed already, and would be normed twice.

B rows, P positions, V vocabulary.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from models.attribution.stream_lens import AS_IT_IS, StreamLens, stream_sites
from models.language_model.hooked_model import HookedModel
from models.language_model.stream_readout import StreamReadout


@dataclass(frozen=True, slots=True)
class LensLayer:
    """What a lens reads behind one block."""

    layer: int
    """−1 where the stream enters the first block."""
    log_probabilities_PV: Tensor
    kl_to_final_P: Tensor
    """KL divergence of the model's own answer from this one: Σ p_final (log p_final − log p_layer) [nats]."""

    @property
    def entropy_P(self) -> Tensor:
        """[nats]"""
        return -(self.log_probabilities_PV.exp() * self.log_probabilities_PV).sum(-1)


@torch.no_grad()
def logit_lens(
    host: HookedModel, readout: StreamReadout, token_ids: tuple[int, ...], lens: StreamLens = AS_IT_IS
) -> Iterator[LensLayer]:
    """One prompt under the lens, layer by layer; the last equals the model's own answer.

    Args:
        host: The model.
        readout: Its final norm and output embedding.
        token_ids: What it reads.
        lens: What carries a stream to the end; a tuned or a Jacobian one makes this that lens.
    """
    sites = stream_sites(host.n_layers)
    with host.capture([site for _, site in sites], stop_early=False) as stream:
        logits = host.forward(torch.tensor([token_ids]))
    assert logits is not None, "a pass that is not stopped has logits"
    final_PV = logits[0].float().log_softmax(-1)
    for layer, site in sites:
        here_PV = readout(lens(layer, stream[site]))[0].float().log_softmax(-1)
        kl_P = (final_PV.exp() * (final_PV - here_PV)).sum(-1).clamp(min=0)
        yield LensLayer(layer, here_PV, kl_P)
