"""What is done with a direction to make a model refuse or not, and how likely it then begins a refusal.

N prompts, D model width, V vocabulary.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Literal

import torch
from torch import Tensor

from models.interventions.directional_ablation import ablated_everywhere, orthogonalized_weights
from models.interventions.shifted_prediction import last_log_probabilities
from models.language_model.hooked_model import HookedModel
from models.language_model.sites import Site

Intervention = Literal["none", "ablate", "add", "orthogonalize"]
INTERVENTIONS: tuple[Intervention, ...] = ("none", "ablate", "add", "orthogonalize")


def intervened(
    host: HookedModel, intervention: Intervention, site: Site, direction_D: Tensor
) -> AbstractContextManager[None]:
    """A context in which the direction is taken out of all that is written into the stream, added at a site to every
    token, or taken out of the weights. Raises NotOrthogonal where that is not enough."""
    match intervention:
        case "none":
            return nullcontext()
        case "ablate":
            return ablated_everywhere(host, direction_D)
        case "add":
            return host.intervene({site: lambda x_BPD: x_BPD + direction_D.to(x_BPD)})
        case "orthogonalize":
            return orthogonalized_weights(host, direction_D)


def next_log_probabilities(host: HookedModel, prompts: Sequence[Sequence[int]]) -> Tensor:
    """What follows each prompt, (N, V) in float32 on the CPU."""
    return torch.cat([log_BV.cpu() for log_BV in last_log_probabilities(host, prompts)])


def refusal_scores(log_NV: Tensor, refusal_tokens: Sequence[int]) -> Tensor:
    """log p − log(1 − p), p the probability that the next token begins a refusal (N)."""
    log_p_N = log_NV.double()[:, list(refusal_tokens)].logsumexp(-1).clamp(max=-1e-12)
    return log_p_N - torch.log(-torch.expm1(log_p_N))
