"""What a model predicts behind the last token of each prompt, with vectors added to the stream.

B rows of a batch, N prompts, S shifts, P positions, D model width, V vocabulary.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from models.interventions.suffix_passes import SuffixPasses
from models.language_model.hooked_model import HookedModel
from models.language_model.site_edit import Edit
from models.language_model.sites import Site

MOST_LOGITS = 2**24
"""Numbers of a batch's logits: what bounds memory."""


MOST_KEPT = 2**26
"""Numbers of the stream of a batch's rows, over all blocks: what bounds the memory of an attention cache."""


@dataclass(frozen=True, slots=True)
class StreamShift:
    """A vector for each prompt, added at a site."""

    site: Site
    delta_ND: Tensor
    positions: Literal["last", "all"] = "last"
    """Where: at the last token, or at every token."""


def last_log_probabilities(
    host: HookedModel, prompts: Sequence[Sequence[int]], *shifts: StreamShift
) -> Iterator[Tensor]:
    """Log probabilities (B, V) in float32 of what follows each prompt, batch by batch, in the prompts' order; with a
    gradient where a shift wants one.

    Prompts are padded at the right, which changes nothing before: a causal model does not look ahead. A shift of 0
    changes no bit.

    Args:
        shifts: Added together in one pass, each at a site of its own.
    """
    longest = max(map(len, prompts))
    size = max(1, MOST_LOGITS // (longest * host.vocab_size))
    for start in range(0, len(prompts), size):
        batch = prompts[start : start + size]
        last_B = torch.tensor([len(ids) - 1 for ids in batch], device=host.device)
        mask_BP = torch.arange(max(map(len, batch)))[None] < torch.tensor([len(ids) for ids in batch])[:, None]
        ids_BP = torch.zeros(mask_BP.shape, dtype=torch.long)
        ids_BP[mask_BP] = torch.tensor([token for ids in batch for token in ids])
        edits = {shift.site: _addition(shift, slice(start, start + size), last_B) for shift in shifts}
        with host.intervene(edits):
            logits = host.forward(ids_BP, None if mask_BP.all() else mask_BP)
        assert logits is not None, "nothing ends the pass early"
        yield logits[torch.arange(len(batch)), last_B.to(logits.device)].float().log_softmax(-1)


def _addition(shift: StreamShift, rows: slice, last_B: Tensor) -> Edit:
    delta_BD = shift.delta_ND[rows]

    def add(x_BPD: Tensor) -> Tensor:
        delta, rows_B = delta_BD.to(x_BPD), torch.arange(len(x_BPD), device=x_BPD.device)
        if shift.positions == "all":
            return x_BPD + delta[:, None]
        x_BPD[rows_B, last_B.to(x_BPD.device)] += delta
        return x_BPD

    return add


@torch.no_grad()
def last_moved_log_probabilities(
    host: HookedModel, token_ids: Sequence[int], moves: Sequence[tuple[Site, Tensor]]
) -> Tensor:
    """Log probabilities (S, V) in float32 of what follows one prompt, under each of some shifts of its last token.

    What stands before the last token is the same under each, so that a pass computes that token alone, where the
    model's attention cache allows it.

    Args:
        moves: The site of each shift and the vector (D) that is added there.
    """
    passes = SuffixPasses.of(host, torch.tensor([list(token_ids)]), len(token_ids) - 1)
    size = max(1, min(MOST_LOGITS // host.vocab_size, MOST_KEPT // (len(token_ids) * host.d_model * host.n_layers)))
    found = []
    for start in range(0, len(moves), size):
        some = moves[start : start + size]
        edits = {site: _last_moved(site, some) for site in dict.fromkeys(site for site, _ in some)}
        with host.intervene(edits):
            found.append(passes.repeated(len(some)).logits().float().log_softmax(-1))
    return torch.cat(found)


def _last_moved(site: Site, moves: Sequence[tuple[Site, Tensor]]) -> Edit:
    """The rows whose shift is at a site."""
    rows = [row for row, (at, _) in enumerate(moves) if at == site]
    delta_RD = torch.stack([moves[row][1] for row in rows])

    def add(x_BPD: Tensor) -> Tensor:
        x_BPD[rows, -1] += delta_RD.to(x_BPD)
        return x_BPD

    return add
