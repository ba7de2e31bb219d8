"""What a model says and writes, measured with an edit and without. B prompts, P positions, V vocabulary."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from models.language_model.hooked_model import HookedModel

ROWS = 8
"""Texts whose logits are held at once."""


@torch.no_grad()
def next_token_probabilities(host: HookedModel, prompts: Sequence[Sequence[int]]) -> Tensor:
    """Of the token behind each prompt (B, V), in float64."""
    rows = [torch.tensor(prompt) for prompt in prompts]
    length_B = torch.tensor([len(row) for row in rows])
    ids_BP = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
    logits_BPV = host.forward(ids_BP, torch.arange(ids_BP.shape[1]) < length_B[:, None])
    assert logits_BPV is not None, "a causal model that is not stopped has logits"
    return logits_BPV[torch.arange(len(rows)), length_B - 1].double().softmax(-1).cpu()


@torch.no_grad()
def mean_loss(host: HookedModel, texts: Sequence[Sequence[int]], n_special: int = 0) -> float:
    """Mean cross-entropy of texts of one length, the first token behind the special ones left out [nats]."""
    losses = []
    for start in range(0, len(texts), ROWS):
        ids_BP = torch.tensor(texts[start : start + ROWS]).to(host.device)
        logits_BPV = host.forward(ids_BP)
        assert logits_BPV is not None, "a causal model that is not stopped has logits"
        skipped = max(n_special, 1)
        losses.append(
            torch.nn.functional.cross_entropy(
                logits_BPV[:, skipped - 1 : -1].flatten(0, 1).float(), ids_BP[:, skipped:].flatten(), reduction="none"
            )
        )
    return float(torch.cat(losses).double().mean())


def ngram_entropy(token_ids: Sequence[int]) -> float:
    """How varied a text is: the mean of 2/3 of the entropy of its bigrams and 4/3 of that of its trigrams [bits].

    Zhang et al. 2018, Generating Informative and Diverse Conversational Responses; weights as in the ROME paper, over
    the model's tokens in the place of words.
    """
    return (2 / 3 * _entropy(token_ids, 2) + 4 / 3 * _entropy(token_ids, 3)) / 2


def _entropy(token_ids: Sequence[int], n: int) -> float:
    counts = np.array(list(Counter(zip(*(token_ids[i:] for i in range(n)), strict=False)).values()), dtype=float)
    share = counts / counts.sum() if len(counts) else counts
    return float(-(share * np.log2(share)).sum()) if len(counts) else 0.0
