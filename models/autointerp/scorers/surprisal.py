"""Does a label help a language model to foresee the text of the windows in which the feature fires?

Axes: N windows of a trial, B sequences of a batch, P positions, V vocabulary.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from models.autointerp.example_set import ExampleSet
from models.autointerp.scorers.score_rows import auroc_rows
from models.autointerp.scorers.trials import Trial
from models.autointerp.tables import Progress, no_progress
from models.language_model.hooked_model import HookedModel

NEUTRAL = "text of any kind, from anywhere"
"""Stands for the label where nothing is said."""
LOGITS = 2**26
"""Logits that are held at once; the batch is as large as they allow."""
TOGETHER = 64
"""Trials that are read at a time."""
DECIMALS = 4
"""A smaller difference of surprisals is one of rounding, and would break a tie by chance."""


def surprisal_scores(
    host: HookedModel, gallery: ExampleSet, trials: Sequence[Trial], progress: Progress = no_progress
) -> pa.Table:
    """Area under the curve of how much less surprising a window is after its label, over trials of detection.

    Surprisal is the mean cross-entropy (nats a token) of the window after "Description: {label}" and a line break;
    what it is after a neutral description is taken off. Windows are tokenized anew from their text, by the tokenizer
    of this model.

    Source: the surprisal scorer of Paulo et al. 2024, "Automatically Interpreting Millions of Features in Large
    Language Models" (arXiv:2410.13928).

    Returns:
        Rows of `explanation_score`, one for each trial.

    Raises:
        ValueError: If the model is no causal language model.
    """
    if not host.is_causal:
        raise ValueError(f"{host.source} is an encoder and foresees no text: name a causal language model as local_llm")
    reader = _Reader(host)
    by_feature = sorted(range(len(trials)), key=lambda i: trials[i].label.feature_id)  # labels of one share windows
    gains: list[np.ndarray] = [np.empty(0)] * len(trials)
    for first in range(0, len(trials), TOGETHER):
        some = by_feature[first : first + TOGETHER]
        rows = np.unique(np.concatenate([trials[i].row_N for i in some])).tolist()
        windows = {row: reader.tokens("".join(gallery.window(row)[0])) for row in rows}
        pairs = [(trials[i].label.text, windows[row]) for i in some for row in trials[i].row_N.tolist()]
        surprisals = reader.surprisals([(NEUTRAL, windows[row]) for row in rows] + pairs)
        neutral = dict(zip(rows, surprisals[: len(rows)], strict=True))
        said = iter(surprisals[len(rows) :])
        for i in some:
            gains[i] = np.array([neutral[row] - next(said) for row in trials[i].row_N.tolist()]).round(DECIMALS)
        progress(first + len(some), len(trials))
    return auroc_rows("surprisal", trials, gains)


@dataclass(frozen=True)
class _Reader:
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
