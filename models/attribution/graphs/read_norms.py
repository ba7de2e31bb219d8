"""How what an encoder reads hangs on the residual stream: through the norm before its MLP, or straight.

P positions, D width of the stream, N directions.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from models.interventions.frozen_norms import FrozenNorm, Passed, clean_passed
from models.language_model.hooked_model import HookedModel
from models.language_model.self_test import probe_tokens
from models.language_model.sites import Site

STREAM = ("resid_pre", "resid_mid")
"""Kinds of sites that are the stream itself."""


@dataclass(frozen=True)
class ReadNorms:
    """The norms through which encoders read, by block; None where one reads the stream itself."""

    by_layer: Mapping[int, FrozenNorm | None]

    @classmethod
    def of(cls, host: HookedModel, read: Mapping[int, Site]) -> "ReadNorms":
        """Finds each block's norm: the one that says what the encoder reads.

        Raises:
            ValueError: If no norm does, or one is neither LayerNorm nor RMSNorm.
        """
        token_ids_BP = probe_tokens(host.model, host.tokenizer)[:1]
        with host.capture(list(read.values())) as values, torch.no_grad():
            host.forward(token_ids_BP)
        passed = clean_passed(host, token_ids_BP)
        return cls({layer: _norm(host, site, values[site], passed) for layer, site in read.items()})

    def scales(self, host: HookedModel, token_ids_1P: Tensor) -> dict[int, Tensor]:
        """What each norm multiplies by at each position (P); 1 where there is none."""
        passed, ones_P = clean_passed(host, token_ids_1P), torch.ones(token_ids_1P.shape[1], device=host.device)
        return {
            layer: ones_P if norm is None else norm.scale(*passed[norm.norm][-1])[0, :, 0]
            for layer, norm in self.by_layer.items()
        }

    def directions(self, layer: int, encoder_ND: Tensor) -> Tensor:
        """Directions of the stream (N, D) whose product with it, times the scale, is what encoder rows say of it."""
        norm = self.by_layer[layer]
        if norm is None:
            return encoder_ND
        gained_ND = encoder_ND * norm.gain_D.to(encoder_ND)
        return gained_ND - gained_ND.mean(dim=1, keepdim=True) if norm.centred else gained_ND


def _norm(host: HookedModel, site: Site, value_BPD: Tensor, passed: Mapping[nn.Module, Passed]) -> FrozenNorm | None:
    if site.kind in STREAM:
        return None
    for norm, calls in passed.items():
        if calls[-1][1].shape == value_BPD.shape and torch.equal(calls[-1][1], value_BPD):
            with host.passes.undisturbed():  # the gain is found by calls of the norm, which edits are not shown
                return FrozenNorm.of(norm, calls)
    raise ValueError(
        f"no norm of {host.architecture} says what is read at {site}, so that its direction in the stream is not "
        "known: name transcoders that read resid_mid"
    )
