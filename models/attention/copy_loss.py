"""What a model loses on the first and on the second copy of a piece: what it learns from having read it once.

Both means are over the same tokens, r_2 … r_n: the first of a copy stands behind something else each time.

S sequences, N predicted tokens, V vocabulary.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from models.attention.repeated_sequences import RepeatedSequence, batches, padded
from models.language_model.hooked_model import HookedModel


@dataclass(frozen=True, slots=True)
class CopyLoss:
    """Cross-entropy a token [nats] and share of right answers, by sequence."""

    first_S: Tensor
    second_S: Tensor
    accuracy_S: Tensor
    """On the second copy."""


@torch.no_grad()
def copy_loss(host: HookedModel, sequences: Sequence[RepeatedSequence]) -> CopyLoss:
    """The loss of a model, under whatever edits are open."""
    found = [one for batch in batches(sequences, 2 * host.vocab_size) for one in _losses(host, batch)]
    first, second, accuracy = zip(*found, strict=True)
    return CopyLoss(torch.tensor(first), torch.tensor(second), torch.tensor(accuracy))


def _losses(host: HookedModel, batch: Sequence[RepeatedSequence]) -> list[tuple[float, float, float]]:
    ids_BP, mask_BP = padded([each.token_ids for each in batch])
    logits_BPV = host.forward(ids_BP, mask_BP)
    assert logits_BPV is not None, "a causal language model has logits"
    losses = []
    for each, ids_P, logits_PV in zip(batch, ids_BP.to(logits_BPV.device), logits_BPV, strict=True):
        query_N = each.second_copy[:-1]
        logits_NV, next_N = logits_PV[query_N].float(), ids_P[query_N + 1]
        first = cross_entropy(logits_PV[query_N - each.period].float(), next_N)
        right = (logits_NV.argmax(-1) == next_N).float().mean()
        losses.append((float(first), float(cross_entropy(logits_NV, next_N)), float(right)))
    return losses
