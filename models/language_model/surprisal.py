"""How surprising a text is to a causal language model after a description.

Axes: B sequences of a batch, P positions, V vocabulary.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from models.language_model.hooked_model import HookedModel

LOGITS = 2**26
"""Logits that are held at once; the batch is as large as they allow."""


@dataclass(frozen=True)
class SurprisalReader:
    """Reads windows after descriptions."""

    host: HookedModel

    def tokens(self, text: str) -> list[int]:
        return self.host.tokenizer(text, add_special_tokens=False)["input_ids"]

    def surprisals(self, pairs: Sequence[tuple[str, list[int]]]) -> list[float]:
        """Mean cross-entropy of each window after its description; 0 of a window without tokens.

        What is longer than the model's context is cut: descriptions to half of it, windows to the rest.
        """
        longest = getattr(self.host.model.config, "max_position_embeddings", 1024)
        begins = {said: self._begin(said)[: longest // 2] for said in dict.fromkeys(said for said, _ in pairs)}
        sequences = [(begins[said], window[: longest - len(begins[said])]) for said, window in pairs]
        found = [0.0] * len(pairs)
        filled = [i for i, (_, window) in enumerate(sequences) if window]
        for batch in self._batches(filled, [len(begin) + len(window) for begin, window in sequences]):
            for i, value in zip(batch, self._batch([sequences[i] for i in batch]).tolist(), strict=True):
                found[i] = value
        return found

    def _begin(self, description: str) -> list[int]:
        """Tokens of the description, as the model begins a text; at least one, for a window to come after."""
        return self.host.tokenizer(f"Description: {description}\n")["input_ids"]

    def _batches(self, places: Sequence[int], length: Sequence[int]) -> Iterator[list[int]]:
        """The longest first, sequences of like length together."""
        left = sorted(places, key=lambda i: -length[i])
        while left:
            n = max(1, LOGITS // (length[left[0]] * self.host.vocab_size))
            yield left[:n]
            left = left[n:]

    @torch.no_grad()
    def _batch(self, sequences: Sequence[tuple[list[int], list[int]]]) -> Tensor:
        """Mean cross-entropy of the windows (B,), padded at the right, where nothing before looks."""
        rows = [torch.tensor([*begin, *window]) for begin, window in sequences]
        ids_BP = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True).to(self.host.device)
        begin_B, end_B = (
            torch.tensor(lengths, device=ids_BP.device)[:, None]
            for lengths in zip(*((len(begin), len(begin) + len(window)) for begin, window in sequences), strict=True)
        )
        at_P = torch.arange(ids_BP.shape[1], device=ids_BP.device)
        logits_BPV = self.host.forward(ids_BP, at_P < end_B)
        assert logits_BPV is not None, "a causal language model has logits"
        window_BP = ((at_P >= begin_B) & (at_P < end_B))[:, 1:]
        entropy_S = torch.nn.functional.cross_entropy(
            logits_BPV[:, :-1][window_BP].float(), ids_BP[:, 1:][window_BP], reduction="none"
        )
        sums_B = torch.zeros(len(ids_BP), device=ids_BP.device).index_add_(0, window_BP.nonzero()[:, 0], entropy_S)
        return sums_B / window_BP.sum(dim=1)
