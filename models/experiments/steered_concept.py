"""Which features are steered where a card names none, and which tokens stand for the concept of each.

F features, V vocabulary.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from weakref import WeakKeyDictionary

import numpy as np
import torch

from models.corpora.text_tokens import text_token_ids
from models.dictionaries.base import SparseDictionary
from models.experiments.feature_dictionary import FeatureDictionary, InvalidFeature
from models.features.logit_effects import RESIDUAL_KINDS, skew_and_kurtosis
from models.language_model.hooked_model import HookedModel
from models.language_model.unembedding import Unembedding

DENSITIES = (1e-4, 1e-2)
"""Shares of tokens between which a feature that nobody named may fire: neither nearly dead nor everywhere."""
N_CHOSEN = 10
_SHARPEST: WeakKeyDictionary[SparseDictionary, dict[int, list[int]]] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class SteeredConcept:
    """What a feature is meant to bring about."""

    token_ids: tuple[int, ...]
    text: str
    """Stands before a prompt where prompting is the baseline."""


@dataclass(frozen=True)
class ConceptReader:
    """The direct effect of features on the logits, read off the decoder and the unembedding."""

    host: HookedModel
    features: FeatureDictionary

    @cached_property
    def _token_ids(self) -> list[int]:
        """Tokens that may stand for a concept: neither special ones nor parts of a character."""
        tokenizer = self.host.tokenizer
        texts = tokenizer.batch_decode([[token] for token in range(len(tokenizer))])
        special = set(tokenizer.all_special_ids)
        return [token for token, text in enumerate(texts) if "\ufffd" not in text and token not in special]

    def named(self, text: str) -> SteeredConcept:
        """The concept of a text: each of its tokens."""
        return SteeredConcept(tuple(dict.fromkeys(text_token_ids(self.host.tokenizer, [text])[0])), text)

    @torch.no_grad()
    def promoted(self, feature: int, n: int) -> SteeredConcept:
        """The n tokens that the feature makes likelier than all others.

        Raises:
            InvalidFeature: If the dictionary's directions do not reach the logits.
        """
        effects_V = self._unembedding(feature).effects(self.features.sae.W_dec[feature][None].float())[0].float()
        order = effects_V[self._token_ids].argsort(descending=True, stable=True)
        ids = [self._token_ids[place] for place in order[:n].tolist()]
        return SteeredConcept(tuple(ids), "".join(self.host.tokenizer.decode([token]) for token in ids))

    def sharpest(self, n: int = N_CHOSEN) -> list[int]:
        """As `_found_sharpest`, which looks at every feature, and so once for a dictionary."""
        known = _SHARPEST.setdefault(self.features.sae, {})
        if n not in known:
            known[n] = self._found_sharpest(n)
        return known[n]

    @torch.no_grad()
    def _found_sharpest(self, n: int) -> list[int]:
        """Live features whose effects on the logits are most concentrated (kurtosis), in order of their numbers.

        Raises:
            InvalidFeature: If no feature fires on a middling share of the tokens.
        """
        low, high = DENSITIES
        alive_F = self.features.max_activation_F > 0
        middling_F = alive_F & (self.features.density_F >= low) & (self.features.density_F <= high)
        candidates = np.flatnonzero(middling_F if middling_F.any() else alive_F)
        if not len(candidates):
            raise InvalidFeature(f"no feature of {self.features.recipe_id} fired on the corpus: train it anew")
        unembedding, kurtosis = self._unembedding(int(candidates[0])), []
        for some in np.array_split(candidates, -(-len(candidates) // 256)):
            rows = torch.from_numpy(some).to(self.features.sae.W_dec.device)
            effects_BV = unembedding.effects(self.features.sae.W_dec[rows].float())[:, self._token_ids]
            kurtosis.append(skew_and_kurtosis(effects_BV)[1].cpu())
        order = torch.cat(kurtosis).nan_to_num(-1).argsort(descending=True, stable=True)[:n]
        return sorted(int(feature) for feature in candidates[order.numpy()])

    def _unembedding(self, feature: int) -> Unembedding:
        found = self.host.unembedding() if self.features.written.kind in RESIDUAL_KINDS else None
        if found is None:
            raise InvalidFeature(
                f"{self.features.recipe_id} writes {self.features.written}, which does not reach the logits directly: "
                f"name `features`, and under `concepts` what each is about, such as {str(feature)!r}: ' river water'"
            )
        return found


def chosen_features(reader: ConceptReader, named: Sequence[int]) -> list[int]:
    """The features of a card: those it names, without repetition, or the sharpest."""
    return list(dict.fromkeys(named)) or reader.sharpest()
