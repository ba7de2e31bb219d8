"""Passes of texts of one length from a position on, what stands before it computed once.

Whether the attention cache gives what the whole pass gives is tried first; where it does not, the whole text runs each
time. B rows, P positions, V vocabulary.
"""

import copy
import inspect
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from models.language_model.hooked_model import HookedModel

LARGEST_ERROR = 1e-4
"""Share of the largest logit by which passes from a cache may differ: other shapes are added up in another order, block
after block, and a cache that is misread is off by far more."""


@dataclass(frozen=True, slots=True, eq=False)
class SuffixPasses:
    """Some texts of which only the end is run again."""

    host: HookedModel
    token_ids_BP: Tensor
    start: int = 0
    """The first position that each pass computes."""
    _cache: Any = None

    @classmethod
    def of(cls, host: HookedModel, token_ids_BP: Tensor, start: int) -> "SuffixPasses":
        """Reads what stands before the start, if the model can go on from there."""
        whole = cls(host, token_ids_BP.to(host.device))
        if not start:
            return whole
        with torch.no_grad():
            logits_BV = whole.logits()
            try:
                known = host.model(
                    input_ids=whole.token_ids_BP[:, :start],
                    attention_mask=torch.ones_like(whole.token_ids_BP[:, :start]),
                    use_cache=True,
                )
                found = replace(whole, start=start, _cache=known.past_key_values)
                error = (found.logits() - logits_BV).abs().max() / logits_BV.abs().max()
                return found if error < LARGEST_ERROR else whole
            except (TypeError, ValueError, AttributeError, IndexError, RuntimeError):  # no cache, or one of its own
                return whole

    def repeated(self, n_rows: int) -> "SuffixPasses":
        """Each text so many times, so that a pass can edit every copy otherwise."""
        cache = copy.deepcopy(self._cache)
        if cache is not None:
            cache.batch_repeat_interleave(n_rows)
        return replace(self, token_ids_BP=self.token_ids_BP.repeat_interleave(n_rows, 0), _cache=cache)

    def logits(self) -> Tensor:
        """Of the token behind each text (B, V)."""
        options: dict[str, Any] = {"use_cache": self.start > 0}
        if self.start:
            options["past_key_values"] = copy.deepcopy(self._cache)
        if "logits_to_keep" in inspect.signature(self.host.model.forward).parameters:
            options["logits_to_keep"] = 1
        output = self.host.model(
            input_ids=self.token_ids_BP[:, self.start :], attention_mask=torch.ones_like(self.token_ids_BP), **options
        )
        return output.logits[:, -1]
