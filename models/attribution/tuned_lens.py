"""The tuned lens: an affine map per layer, trained so that the stream is read as the model's own answer (Belrose et al.
2023, Eliciting Latent Predictions from Transformers with the Tuned Lens).

lens_l(h) = readout(A_l h + b_l), min KL(model's answer || lens_l) over the tokens of some texts; A begins as the
identity and b as 0, so that it begins as the logit lens.

N tokens, D width of the stream, V vocabulary.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from models.attribution.stream_lens import StreamLens, stream_sites
from models.language_model.hooked_model import HookedModel
from models.language_model.stream_readout import StreamReadout


@dataclass(frozen=True, slots=True)
class TunedLensTraining:
    """How long and on how many tokens at a time the maps are trained."""

    steps: int = 250
    tokens_per_step: int = 128
    learning_rate: float = 1e-3
    seed: int = 0


def fit_tuned_lens(
    host: HookedModel, readout: StreamReadout, texts: Sequence[Sequence[int]], training: TunedLensTraining
) -> StreamLens:
    """The lens of some texts; the last block keeps the identity, which is exact there.

    Args:
        host: The model.
        readout: Its final norm and output embedding.
        texts: Token ids of each, special tokens included.
        training: How it is trained.
    """
    streams = _streams(host, texts)
    last = host.n_layers - 1
    maps, biases = {}, {}
    for layer in range(-1, last):
        maps[layer], biases[layer] = _fitted(readout, streams[layer], streams[last], training)
    return StreamLens("tuned", maps, biases)


@torch.no_grad()
def _streams(host: HookedModel, texts: Sequence[Sequence[int]]) -> Mapping[int, Tensor]:
    """The stream of every token [N, D], by layer."""
    sites, parts = stream_sites(host.n_layers), dict[int, list[Tensor]]()
    for text in texts:
        with host.capture([site for _, site in sites]) as stream:
            host.forward(torch.tensor([list(text)]))
        for layer, site in sites:
            parts.setdefault(layer, []).append(stream[site][0])
    return {layer: torch.cat(each) for layer, each in parts.items()}


@torch.enable_grad()
def _fitted(
    readout: StreamReadout, x_ND: Tensor, last_ND: Tensor, training: TunedLensTraining
) -> tuple[Tensor, Tensor]:
    """The map and the bias of one layer."""
    generator = torch.Generator().manual_seed(training.seed)
    width = x_ND.shape[-1]
    change_DD = torch.zeros(width, width, device=x_ND.device, requires_grad=True)
    bias_D = torch.zeros(width, device=x_ND.device, requires_grad=True)
    optimizer = torch.optim.Adam([change_DD, bias_D], lr=training.learning_rate)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, training.steps)
    for _ in range(training.steps):
        drawn = torch.randint(len(x_ND), (min(training.tokens_per_step, len(x_ND)),), generator=generator)
        here_ND = x_ND[drawn].float()
        carried_ND = here_ND + here_ND @ change_DD.T + bias_D
        with torch.no_grad():
            answer_NV = readout(last_ND[drawn]).float().log_softmax(-1)
        read_NV = readout(carried_ND.to(x_ND.dtype)).float().log_softmax(-1)
        loss = torch.nn.functional.kl_div(read_NV, answer_NV, log_target=True, reduction="batchmean")
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return (torch.eye(width, device=x_ND.device) + change_DD).detach(), bias_D.detach()
