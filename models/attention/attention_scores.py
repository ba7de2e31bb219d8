"""Induction, previous-token and duplicate-token scores: where heads look in sequences that say a piece twice.

With n the period and q a position of the second copy, a head's score is its attention, averaged over q, from q to
q − (n − 1) (the token behind the earlier copy of the token at q: induction), to q − 1 (previous token) or to q − n (the
earlier copy itself: duplicate token). Olsson et al. 2022, In-context Learning and Induction Heads; Elhage et al. 2021,
A Mathematical Framework for Transformer Circuits.

B rows, H heads, P query positions, K key positions, S sequences.
"""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from models.attention.head import heads_of
from models.attention.head_score import HeadScore, ScoreName
from models.attention.repeated_sequences import RepeatedSequence, batches, padded
from models.language_model.hooked_model import HookedModel
from models.language_model.sites import Site

OFFSETS: Mapping[ScoreName, Callable[[int], int]] = {
    "induction": lambda period: period - 1,
    "previous_token": lambda period: 1,
    "duplicate_token": lambda period: period,
}
"""How far back a score looks, by the period."""


@torch.no_grad()
def attention_scores(
    host: HookedModel, counts: Sequence[int], sequences: Sequence[RepeatedSequence]
) -> list[HeadScore]:
    """Every head's scores: mean and standard error over sequences.

    The baseline of induction and duplicate tokens is the same score where the second copy stands in another order, so
    that a head which looks back by position has it as well; that of the previous token is attention spread evenly.

    Args:
        host: The model.
        counts: Heads of each block.
        sequences: What it reads.
    """
    repeated, shuffled = (_offset_attention(host, counts, sequences, is_shuffled) for is_shuffled in (False, True))
    even = float(torch.stack([(1 / (each.second_copy + 1.0)).mean() for each in sequences]).mean())
    scores, n = [], len(sequences)
    for head in heads_of(counts):
        for name in OFFSETS:
            value_S, baseline_S = (found[head.layer][name][:, head.head] for found in (repeated, shuffled))
            baseline = even if name == "previous_token" else float(baseline_S.mean())
            scores.append(HeadScore(head, name, float(value_S.mean()), float(value_S.std() / n**0.5), baseline, n))
    return scores


def _offset_attention(
    host: HookedModel, counts: Sequence[int], sequences: Sequence[RepeatedSequence], is_shuffled: bool
) -> list[dict[ScoreName, Tensor]]:
    """By block and score, the mean attention [S, H] over the second copy of each sequence."""
    sites = [Site("attn_pattern", layer) for layer in range(len(counts))]
    longest = max(len(each.token_ids) for each in sequences)
    read: list[list[dict[ScoreName, Tensor]]] = []
    for batch in batches(sequences, numbers_per_token=longest * sum(counts)):
        ids_BP, mask_BP = padded([each.shuffled_ids if is_shuffled else each.token_ids for each in batch])
        with host.capture(sites) as patterns:
            host.forward(ids_BP, mask_BP)
        read.append([_at_offsets(patterns[site], batch) for site in sites])
    return [{name: torch.cat([each[layer][name] for each in read]) for name in OFFSETS} for layer in range(len(sites))]


def _at_offsets(pattern_BHPK: Tensor, batch: Sequence[RepeatedSequence]) -> dict[ScoreName, Tensor]:
    def mean_H(row: int, back: int) -> Tensor:
        query = batch[row].second_copy.to(pattern_BHPK.device)
        return pattern_BHPK[row][:, query, query - back].float().mean(-1).cpu()

    return {
        name: torch.stack([mean_H(row, offset(each.period)) for row, each in enumerate(batch)])
        for name, offset in OFFSETS.items()
    }
