"""Direct logit attribution: what each part of a model adds to the logit of an answer (Elhage et al. 2021).

The final stream is a sum, and the final norm is linear once its scale is taken as it was in the pass. So each part
contributes ((part − its mean, where the norm is centred) · scale · gain) · (W_U[answer] − W_U[foil]); without a foil
the answer is compared with the average of the vocabulary. What the norm's and the output embedding's biases and a soft
cap add stands beside, and everything adds up to the model's own logit. It says nothing of what later blocks make of a
part.

D width of the stream, N parts.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from models.attribution.stream_parts import StreamPart
from models.language_model.hooked_model import HookedModel
from models.language_model.stream_readout import StreamReadout


@dataclass(frozen=True, slots=True)
class LogitContribution:
    """What one part adds to the logit that is asked about [logits]."""

    component: str
    contribution: float
    layer: int | None = None
    head: int | None = None
    feature_id: int | None = None


@dataclass(frozen=True, slots=True)
class LogitAttribution:
    """All contributions to one logit difference."""

    contributions: Sequence[LogitContribution]
    logit: float
    """The model's own: the answer's logit less the foil's, or less the average over the vocabulary."""


@torch.no_grad()
def logit_attribution(
    host: HookedModel,
    readout: StreamReadout,
    parts: Sequence[StreamPart],
    final_D: Tensor,
    answer_id: int,
    foil_id: int | None = None,
) -> LogitAttribution:
    """What each part contributes, with the constants of the readout.

    Args:
        host: The model.
        readout: Of the model.
        parts: The final stream at the position, as a sum.
        final_D: The final stream itself.
        answer_id: Token that is asked about.
        foil_id: Token that it is compared with; None for the average of the vocabulary.
    """

    def difference(x_V: Tensor) -> Tensor:
        return x_V[answer_id] - (x_V.mean(0) if foil_id is None else x_V[foil_id])

    gained_D, direction_D = _linear_norm(host, readout, final_D), difference(readout.head.weight.float()).double()
    added_ND = torch.stack([part.added_D.double() for part in parts])
    amounts_N = readout.scale * (gained_D(added_ND) @ direction_D)
    contributions = [
        LogitContribution(part.component, amount, part.layer, part.head, part.feature_id)
        for part, amount in zip(parts, amounts_N.tolist(), strict=True)
    ]
    norm_bias, head_bias = (getattr(part, "bias", None) for part in (readout.norm, readout.head))
    constant = readout.scale * (
        (0.0 if norm_bias is None else float(norm_bias.double() @ direction_D))
        + (0.0 if head_bias is None else float(difference(head_bias.double())))
    )
    contributions += [LogitContribution("bias", constant)] if constant else []
    logits_V = readout(final_D).double()
    logit = float(difference(logits_V))
    if readout.cap is not None:
        uncapped_V = readout.head(readout.norm(final_D)).double() * readout.scale
        contributions.append(LogitContribution("soft_cap", logit - float(difference(uncapped_V))))
    return LogitAttribution(contributions, logit)


def _linear_norm(host: HookedModel, readout: StreamReadout, final_D: Tensor) -> Callable[[Tensor], Tensor]:
    """The final norm without its bias, its scale that of this stream."""
    unembedding, bias = host.unembedding(), getattr(readout.norm, "bias", None)
    assert unembedding is not None, "a model that has a readout has a norm and an output embedding"

    def unscaled(x: Tensor) -> Tensor:
        centred = x - x.mean(-1, keepdim=True) if unembedding.centred else x
        return centred * unembedding.gain_D.double()

    normed_D = readout.norm(final_D).double() - (0 if bias is None else bias.double())
    one_D = unscaled(final_D.double())
    scale = (normed_D @ one_D) / (one_D @ one_D)
    return lambda x: unscaled(x) * scale
