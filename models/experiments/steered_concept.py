"""Which features are steered where a card names none, and which tokens stand for the concept of each.

F features, V vocabulary.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from weakref import WeakKeyDictionary

import numpy as np
import torch

from models.corpora.text_tokens import text_token_ids
from models.dictionaries.base import SparseDictionary
from models.experiments.feature_dictionary import FeatureDictionary, InvalidFeature
from models.experiments.settings.steering import SteeringSettings
from models.features.logit_effects import RESIDUAL_KINDS, skew_and_kurtosis
from models.language_model.hooked_model import HookedModel
from models.language_model.unembedding import Unembedding

DENSITIES = (1e-4, 1e-2)
"""Shares of tokens between which a feature that nobody named may fire: neither nearly dead nor everywhere."""
N_CHOSEN = 10
LEAST_PROMOTION = 4.0
"""Standard deviations by which a feature's effect on a word's tokens exceeds its effect on all tokens, at least: were
effects normal, the best of 4,000 features would have 3.5 for any one token by chance."""
_CHOSEN: WeakKeyDictionary[SparseDictionary, dict[int | tuple[str, ...], list[int]]] = WeakKeyDictionary()
"""What was found by looking at every feature, which is done once for a dictionary."""


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
        """Live features whose effects on the logits are most concentrated (kurtosis), in order of their numbers.

        Raises:
            InvalidFeature: If no feature fired on the corpus.
        """
        known = _CHOSEN.setdefault(self.features.sae, {})
        if n not in known:
            known[n] = self._found_sharpest(n)
        return known[n]

    def promoting(self, words: Sequence[str]) -> list[int]:
        """For each text the live feature that promotes its tokens most sharply: whose mean effect on their logits lies
        most standard deviations above its mean effect on all tokens.

        Raises:
            InvalidFeature: If no feature promotes a text by `LEAST_PROMOTION`, or one promotes two of them most.
        """
        known = _CHOSEN.setdefault(self.features.sae, {})
        if tuple(words) not in known:
            known[tuple(words)] = self._found_promoting(words)
        return known[tuple(words)]

    @torch.no_grad()
    def _found_sharpest(self, n: int) -> list[int]:
        candidates = self._candidates()
        kurtosis = [skew_and_kurtosis(effects_BV)[1].cpu() for effects_BV in self._effects(candidates)]
        order = torch.cat(kurtosis).nan_to_num(-1).argsort(descending=True, stable=True)[:n]
        return sorted(int(feature) for feature in candidates[order.numpy()])

    @torch.no_grad()
    def _found_promoting(self, words: Sequence[str]) -> list[int]:
        candidates, place = self._candidates(), {token: column for column, token in enumerate(self._token_ids)}
        columns = [[place[token] for token in self.named(text).token_ids if token in place] for text in words]
        if unsaid := [text for text, found in zip(words, columns, strict=True) if not found]:
            raise InvalidFeature(f"{unsaid[0]!r} has no token that a feature could promote: name another word")
        blocks: list[torch.Tensor] = []
        for effects_BV in self._effects(candidates):
            standard_BV = (effects_BV - effects_BV.mean(1, keepdim=True)) / effects_BV.std(1, keepdim=True)
            blocks.append(torch.stack([standard_BV[:, each].mean(1) for each in columns], dim=1).cpu())
        score_FW = torch.cat(blocks).nan_to_num(-1)
        largest_W, row_W = score_FW.max(dim=0)
        chosen = dict[int, str]()
        for text, largest, row in zip(words, largest_W.tolist(), row_W.tolist(), strict=True):
            feature = int(candidates[row])
            if largest < LEAST_PROMOTION:
                raise InvalidFeature(
                    f"no feature of {self.features.recipe_id} promotes {text!r}: the best, {feature}, by {largest:.1f} "
                    f"standard deviations, wanted {LEAST_PROMOTION:g}. Name another word, or number `features`"
                )
            if feature in chosen:
                raise InvalidFeature(
                    f"{chosen[feature]!r} and {text!r} are both promoted most by {feature}: leave one out"
                )
            chosen[feature] = text
        return list(chosen)

    def _candidates(self) -> np.ndarray:
        """Live features, of middling density where there are some."""
        low, high = DENSITIES
        alive_F = self.features.max_activation_F > 0
        middling_F = alive_F & (self.features.density_F >= low) & (self.features.density_F <= high)
        candidates = np.flatnonzero(middling_F if middling_F.any() else alive_F)
        if not len(candidates):
            raise InvalidFeature(f"no feature of {self.features.recipe_id} fired on the corpus: train it anew")
        return candidates

    def _effects(self, candidates: np.ndarray) -> Iterator[torch.Tensor]:
        """Effects of features on the logits of tokens that may stand for a concept, some features at a time."""
        unembedding = self._unembedding(int(candidates[0]))
        for some in np.array_split(candidates, -(-len(candidates) // 256)):
            rows = torch.from_numpy(some).to(self.features.sae.W_dec.device)
            yield unembedding.effects(self.features.sae.W_dec[rows].float())[:, self._token_ids]

    def _unembedding(self, feature: int) -> Unembedding:
        found = self.host.unembedding() if self.features.written.kind in RESIDUAL_KINDS else None
        if found is None:
            raise InvalidFeature(
                f"{self.features.recipe_id} writes {self.features.written}, which does not reach the logits directly: "
                f"name `features`, and under `concepts` what each is about, such as {str(feature)!r}: ' river water'"
            )
        return found


def chosen_features(reader: ConceptReader, settings: SteeringSettings) -> dict[int, str | None]:
    """The features of a card, each with the text that the card names its concept by, or None: those it names, those
    that promote its words, or the sharpest."""
    if settings.words:
        words = list(dict.fromkeys(settings.words))
        return dict(zip(reader.promoting(words), words, strict=True))
    features = list(dict.fromkeys(settings.features)) or reader.sharpest()
    return {feature: settings.concepts.get(str(feature)) for feature in features}
