"""Made-up codes whose statistics can be recomputed by brute force; activations lie on a coarse grid: ties abound."""

from dataclasses import dataclass

import numpy as np
import torch

from models.corpora.contexts import Context
from models.corpora.token_filter import TokenFilter
from models.corpora.token_rows import TokenRows
from models.features.firings import Firings
from models.sparse.codes import SparseCodes

SPECIAL = 0


@dataclass(frozen=True)
class Made:
    """Contexts of uneven length behind a special token, and the codes of their text tokens."""

    contexts: list[Context]
    codes: SparseCodes
    context_T: torch.Tensor
    position_T: torch.Tensor
    token_T: torch.Tensor

    def fired(self, first: int = 0, last: int | None = None) -> Firings:
        """What fires in the contexts from `first` up to, without it, `last`."""
        last = len(self.contexts) if last is None else last
        kept = (self.context_T >= first) & (self.context_T < last)
        codes = SparseCodes(self.codes.acts_TK[kept], self.codes.features_TK[kept], self.codes.n_features)
        return Firings.of([codes], self.context_T[kept], self.position_T[kept])

    def rows(self, first: int = 0, last: int | None = None) -> TokenRows:
        return TokenRows.of(self.contexts[first:last], TokenFilter(frozenset({SPECIAL})))

    def parts(self, seed: int, n: int = 4) -> list[tuple[int, int]]:
        """The contexts cut into n runs at random, the runs in random order."""
        chance = np.random.default_rng(seed)
        cuts = np.sort(chance.choice(np.arange(1, len(self.contexts)), n - 1, replace=False)).tolist()
        runs = list(zip([0, *cuts], [*cuts, len(self.contexts)], strict=True))
        return [runs[i] for i in chance.permutation(n)]

    def table(self) -> dict[str, np.ndarray]:
        """Every firing, one row each, by a plain loop."""
        slots = zip(self.codes.features_TK.tolist(), self.codes.acts_TK.tolist(), strict=True)
        rows = [
            (context, position, feature, act)
            for context, position, (features, acts) in zip(
                self.context_T.tolist(), self.position_T.tolist(), slots, strict=True
            )
            for feature, act in zip(features, acts, strict=True)
            if act > 0
        ]
        context, position, feature, act = (np.array(column) for column in zip(*rows, strict=True))
        return {"context": context, "position": position, "feature": feature, "act": act}


def made(seed: int = 0, contexts: int = 60, n_features: int = 12, k: int = 3, length: int = 40) -> Made:
    """Feature 0 fires nearly everywhere, the last one never; one context in five holds a second special token."""
    chance = np.random.default_rng(seed)
    texts = []
    for number in range(contexts):
        tokens = chance.integers(1, 50, chance.integers(2, length))
        if number % 5 == 0 and len(tokens) > 3:
            tokens[2] = SPECIAL
        texts.append(Context(number, f"d{number // 3}", 0, np.concatenate([[SPECIAL], tokens]).astype(np.int32)))
    where = [(c.context_id, p, t) for c in texts for p, t in enumerate(c.token_ids.tolist()) if t != SPECIAL]
    context_T, position_T, token_T = (torch.tensor(column) for column in zip(*where, strict=True))
    chances = np.log(1.0 / np.arange(1, n_features) ** 1.2) + chance.gumbel(size=(len(where), n_features - 1))
    features = chances.argsort(axis=1)[:, -k:]
    acts = chance.integers(0, 24, (len(where), k)) / 8
    codes = SparseCodes(torch.tensor(acts, dtype=torch.float32), torch.tensor(features), n_features)
    return Made(texts, codes, context_T, position_T, token_T)
