"""Activations of contexts at some sites, read from the model: what a harvest stores, and an evaluation measures.

Axes: B contexts of a batch, P positions, T tokens, D width of the site.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from models.activations.image_host import ImageHost
from models.activations.shards import ActivationBatch
from models.corpora.contexts import Context
from models.corpora.token_filter import TokenFilter, within
from models.language_model.sites import Site

BATCH_TOKENS = 4_096


class NonFiniteActivations(ValueError):
    """The model produced NaN or Inf. Harvest in a wider dtype or repair the weights."""


class HookedModelProtocol(Protocol):
    """The part of the host adapter that reading uses."""

    @property
    def device(self) -> torch.device: ...
    @property
    def vocab_size(self) -> int: ...
    def width(self, site: Site) -> int: ...
    def capture(self, sites: Sequence[Site], stop_early: bool = True) -> Any: ...
    def forward(self, token_ids_BP: Tensor, attention_mask: Tensor | None = None) -> Any: ...


@dataclass(frozen=True, slots=True)
class PaddedBatch:
    """Contexts that go through the model together, filled up to the longest."""

    token_ids_BP: Tensor
    mask_BP: Tensor
    text_BP: Tensor
    """Tokens of text: what is predicted."""
    read_BP: Tensor
    """Those of them whose activations are read."""
    rows_T: Tensor
    """For every token that is read, row by row, its place among those of all contexts in their order."""
    contexts_B: Tensor
    """Place of each context in that order."""
    context_ids_B: Tensor


def padded_batches(contexts: Sequence[Context], token_filter: TokenFilter, batch_tokens: int) -> Iterator[PaddedBatch]:
    """Batches of contexts of like length, the longest first: little padding, and the first batch needs the most
    memory."""
    masks = token_filter.masks([context.token_ids for context in contexts])
    text, read = (np.split(mask, np.cumsum(masks.lengths_C)[:-1]) for mask in (masks.is_text_R, masks.is_read_R))
    ends = np.cumsum([int(r.sum()) for r in read])
    order = sorted(range(len(contexts)), key=lambda i: (-len(contexts[i].token_ids), i))
    while order:
        longest = len(contexts[order[0]].token_ids)
        n = max(1, batch_tokens // longest)
        rows_of_batch, order = order[:n], order[n:]
        token_ids = np.zeros((len(rows_of_batch), longest), dtype=np.int64)
        flags = np.zeros((3, len(rows_of_batch), longest), dtype=bool)
        for row, i in enumerate(rows_of_batch):
            length = len(contexts[i].token_ids)
            token_ids[row, :length] = contexts[i].token_ids
            flags[:, row, :length] = np.ones(length, bool), text[i], read[i]
        rows = np.concatenate([np.arange(ends[i] - read[i].sum(), ends[i]) for i in rows_of_batch])
        ids = np.array([contexts[i].context_id for i in rows_of_batch])
        yield PaddedBatch(*(torch.from_numpy(a) for a in (token_ids, *flags, rows, np.array(rows_of_batch), ids)))


def _index(contexts: Sequence[Context], token_filter: TokenFilter) -> tuple[Tensor, Tensor, Tensor]:
    """Context, position and token id of every token that is read, in stored order."""
    masks = token_filter.masks([context.token_ids for context in contexts])
    context_R = np.repeat([context.context_id for context in contexts], masks.lengths_C)
    columns = (context_R, masks.position_R, masks.tokens_R.astype(np.int64))
    ids_T, position_T, token_T = (torch.from_numpy(column[masks.is_read_R]) for column in columns)
    return ids_T, position_T, token_T


@dataclass(frozen=True, slots=True)
class SiteActivations:
    """What was read at one site: rows in stored order and dtype, those beyond the norm limit left out."""

    batch: ActivationBatch
    outlier_position_N: Tensor
    """Positions of the rows beyond the limit."""
    rounding: float
    """Sum over the rows of the squared distance between an activation and the same in the stored dtype."""


def capture_sites(
    host: HookedModelProtocol,
    contexts: Sequence[Context],
    token_filter: TokenFilter,
    sites: Sequence[Site],
    dtype: torch.dtype,
    norm_limits: Mapping[Site, float | None] | None = None,
    report: Callable[[int], None] = lambda done: None,
) -> dict[Site, SiteActivations]:
    """Activations of the contexts at each site.

    Args:
        host: The model.
        contexts: In stored order.
        token_filter: Which of their tokens are read.
        sites: Where.
        dtype: Of the result.
        norm_limits: The norm that an activation may have at a site, for sites that have a limit.
        report: Called after every pass with the contexts done.

    Raises:
        NonFiniteActivations: Naming site, context and position of the first NaN or Inf.
    """
    index = _index(contexts, token_filter)
    stored = {site: torch.empty(len(index[0]), host.width(site), dtype=dtype) for site in sites}
    is_within = {site: torch.ones(len(index[0]), dtype=torch.bool) for site in sites}
    rounding, limits, done = dict.fromkeys(sites, 0.0), norm_limits or {}, 0
    for padded in padded_batches(contexts, token_filter, BATCH_TOKENS):
        with host.capture(sites) as captured:
            feed(host, padded)
        read_BP = padded.read_BP.to(host.device)
        for site in sites:
            x_TD = captured[site][read_BP.to(captured[site].device)]
            rounded_TD, within_T = x_TD.to(dtype), within(x_TD, limits.get(site)).cpu()
            is_within[site][padded.rows_T] = within_T
            if dtype != x_TD.dtype:
                error_T = torch.linalg.vector_norm(x_TD.float() - rounded_TD, dim=1)
                rounding[site] += float(error_T.cpu()[within_T].double().square().sum())
            stored[site].index_copy_(0, padded.rows_T, rounded_TD.cpu())
        done += len(padded.contexts_B)
        report(done)
    for site, x_TD in stored.items():
        _refuse_non_finite(site, x_TD, *index[:2])
    return {site: _kept(x_TD, index, is_within[site], rounding[site]) for site, x_TD in stored.items()}


def feed(host: Any, padded: PaddedBatch) -> Any:
    """Runs the model on a batch of contexts: on their tokens, or on what a vision model sees of their images.

    Returns:
        What `host.forward` returns.
    """
    if isinstance(host, ImageHost):
        return host.forward_contexts(padded.context_ids_B.tolist())
    mask_BP = None if padded.mask_BP.all() else padded.mask_BP.to(host.device)
    return host.forward(padded.token_ids_BP.to(host.device), mask_BP)


def _kept(x_TD: Tensor, index: tuple[Tensor, Tensor, Tensor], within_T: Tensor, rounding: float) -> SiteActivations:
    if within_T.all():
        return SiteActivations(ActivationBatch(x_TD, *index), index[1][:0], rounding)
    batch = ActivationBatch(x_TD[within_T], *(column[within_T] for column in index))
    return SiteActivations(batch, index[1][~within_T], rounding)


def _refuse_non_finite(site: Site, x_TD: Tensor, context_T: Tensor, position_T: Tensor) -> None:
    if torch.isfinite(x_TD.sum(dim=0, dtype=torch.float32)).all():
        return
    bad_T = (~torch.isfinite(x_TD)).any(dim=1)
    if not bad_T.any():
        return
    first = int(bad_T.nonzero()[0])
    raise NonFiniteActivations(
        f"{site} holds NaN or Inf at {int(bad_T.sum()):,} of {len(bad_T):,} tokens, first at context "
        f"{int(context_T[first])}, position "
        f"{int(position_T[first])} (stored as {x_TD.dtype}): nothing of this shard was kept. Set `dtype: float32` in "
        "the model card or check "
        "the weights"
    )
