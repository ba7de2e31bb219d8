"""What a model predicts when the value of a site is replaced.

Tokens that are not read keep their value: a dictionary never saw them.

Axes: B contexts of a batch, P positions, T tokens of the batch that are read, row by row, D width, N predicted tokens,
V vocabulary.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from models.activations.site_reading import PaddedBatch, feed
from models.language_model.sites import Site

Edit = Callable[[Tensor], Tensor]


class EditableModelProtocol(Protocol):
    """The part of the host adapter that splicing uses."""

    is_causal: bool

    @property
    def device(self) -> torch.device: ...
    @property
    def vocab_size(self) -> int: ...
    def capture(self, sites: Sequence[Site], stop_early: bool = True) -> Any: ...
    def intervene(self, edits: Mapping[Site, Edit]) -> Any: ...
    def forward(self, token_ids_BP: Tensor, attention_mask: Tensor | None = None) -> Tensor | None: ...


def clean_run(
    host: EditableModelProtocol, sites: Sequence[Site], batch: PaddedBatch
) -> tuple[list[Tensor], Tensor | None]:
    """The activations at each site of the tokens that are read, and what the model predicts; None where it predicts
    nothing."""
    with host.capture(sites, stop_early=not host.is_causal) as captured:
        logits_BPV = _run(host, batch)
    read = [captured[site][batch.read_BP.to(captured[site].device)] for site in sites]
    return read, None if logits_BPV is None else _log_probabilities(logits_BPV, batch)


def logits_with_replacement(
    host: EditableModelProtocol, site: Site, batch: PaddedBatch, replaced: Callable[[Tensor], Tensor]
) -> Tensor:
    """What the model predicts when the activations of the tokens that are read, [T, D], are replaced by a function of
    them."""

    def replace(x_BPD: Tensor) -> Tensor:
        read_BP = batch.read_BP.to(x_BPD.device)
        x_BPD[read_BP] = replaced(x_BPD[read_BP]).to(x_BPD)
        return x_BPD

    return logits_with_edits(host, batch, {site: replace})


def logits_with_edits(host: EditableModelProtocol, batch: PaddedBatch, edits: Mapping[Site, Edit]) -> Tensor:
    """What the model predicts when the values of sites, (B, P, D), are replaced by a function of them."""
    with host.intervene(edits):
        logits_BPV = _run(host, batch)
    assert logits_BPV is not None, "only a causal model is spliced"
    return _log_probabilities(logits_BPV, batch)


def targets(batch: PaddedBatch) -> Tensor:
    """The token ids that are predicted: every text token but the first of its row."""
    return batch.token_ids_BP[:, 1:][batch.text_BP[:, 1:]]


def _run(host: EditableModelProtocol, batch: PaddedBatch) -> Tensor | None:
    with torch.no_grad():
        return feed(host, batch)


def _log_probabilities(logits_BPV: Tensor, batch: PaddedBatch) -> Tensor:
    """[N, V] in float32, in the order of `targets`."""
    logits_NV = logits_BPV[:, :-1][batch.text_BP[:, 1:].to(logits_BPV.device)]
    return logits_NV.float().log_softmax(dim=-1)
