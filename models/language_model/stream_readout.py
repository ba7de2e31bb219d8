"""The logits that a model would give if its blocks ended with a given residual stream."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from models.language_model.hooked_model import HookedModel
from models.language_model.rounding import equal_up_to_rounding
from models.language_model.self_test import probe_tokens
from models.language_model.sites import Site


@dataclass(frozen=True, slots=True)
class StreamReadout:
    """Final norm, output embedding, and what the family does to logits behind it: a scale, a soft cap."""

    norm: Any
    head: Any
    scale: float
    cap: float | None

    @classmethod
    def of(cls, host: HookedModel) -> "StreamReadout":
        """The readout of a model, held to the model's own logits on a few tokens.

        Raises:
            ValueError: If the model is an encoder, has no final norm, or does more to its logits than is known here.
        """
        name, norm, head = host.architecture, host.module_map.final_norm, host.model.get_output_embeddings()
        if not host.is_causal or norm is None or head is None:
            raise ValueError(
                f"{name} has no logits of a next token behind a final norm, so that no lens reads it: take a causal "
                "language model"
            )
        config = host.model.config.get_text_config()
        scale = float(getattr(config, "logit_scale", None) or 1.0) / float(
            getattr(config, "logits_scaling", None) or 1.0
        )
        readout = cls(norm, head, scale, getattr(config, "final_logit_softcapping", None))
        readout._prove(host)
        return readout

    @torch.no_grad()
    def _prove(self, host: HookedModel) -> None:
        token_ids_BP = probe_tokens(host.model, host.tokenizer)
        last = Site("resid_post", host.n_layers - 1)
        with host.capture([last], stop_early=False) as stream:
            logits = host.forward(token_ids_BP)
        assert logits is not None, "a pass that is not stopped has logits"
        if not equal_up_to_rounding(self(stream[last]), logits):
            raise ValueError(
                f"{host.architecture} does more between its last block and its logits than norm, output embedding, "
                "scale and soft cap: no lens reads it"
            )

    def __call__(self, stream_BPD: Tensor) -> Tensor:
        """Logits (…, V) of a stream (…, D), the norm's scale that of the stream itself."""
        logits = self.head(self.norm(stream_BPD)) * self.scale
        return logits if self.cap is None else self.cap * torch.tanh(logits / self.cap)
