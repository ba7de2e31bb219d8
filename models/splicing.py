"""What a model predicts when the value of a site is replaced.

Special tokens and padding keep their value: a dictionary never saw them.

Axes: B contexts of a batch, P positions, T text tokens of the batch row by row, D width, N predicted tokens, V
vocabulary.
"""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from models.harvest import Padded
from models.sites import Site


class Model(Protocol):
    """The part of the host adapter that splicing uses."""

    is_causal: bool

    @property
    def device(self) -> torch.device: ...
    @property
    def vocab_size(self) -> int: ...
    def reading(self, sites: Sequence[Site], stop: bool = True) -> Any: ...
    def editing(self, site: Site, edit: Callable[[Tensor], Tensor]) -> Any: ...
    def run(self, token_ids_BP: Tensor, attention_mask: Tensor | None = None) -> Tensor | None: ...


def unspliced(host: Model, sites: Sequence[Site], batch: Padded) -> tuple[list[Tensor], Tensor | None]:
    """The text tokens' activations at each site, and what the model predicts; None where it predicts nothing."""
    with host.reading(sites, stop=not host.is_causal) as found:
        logits_BPV = _run(host, batch)
    text = [found[site][batch.content_BP.to(found[site].device)] for site in sites]
    return text, None if logits_BPV is None else _log_probabilities(logits_BPV, batch)


def spliced(host: Model, site: Site, batch: Padded, value_TD: Tensor) -> Tensor:
    """What the model predicts with the text tokens' activations replaced; one value may stand for all."""

    def replace(x_BPD: Tensor) -> Tensor:
        x_BPD[batch.content_BP.to(x_BPD.device)] = value_TD.to(x_BPD)
        return x_BPD

    with host.editing(site, replace):
        logits_BPV = _run(host, batch)
    assert logits_BPV is not None, "only a causal model is spliced"
    return _log_probabilities(logits_BPV, batch)


def targets(batch: Padded) -> Tensor:
    """The token ids that are predicted: every text token but the first of its row."""
    return batch.token_ids_BP[:, 1:][batch.content_BP[:, 1:]]


def _run(host: Model, batch: Padded) -> Tensor | None:
    with torch.no_grad():
        mask_BP = None if batch.mask_BP.all() else batch.mask_BP
        return host.run(batch.token_ids_BP.to(host.device), mask_BP)


def _log_probabilities(logits_BPV: Tensor, batch: Padded) -> Tensor:
    """[N, V] in float32, in the order of `targets`."""
    logits_NV = logits_BPV[:, :-1][batch.content_BP[:, 1:].to(logits_BPV.device)]
    return logits_NV.float().log_softmax(dim=-1)
