"""How often what a label may say holds anywhere in the corpus: what a feature's examples are compared with.

Single tokens are counted over the whole corpus. What depends on the text around a token is counted in control windows,
which stand at random places, pooled over the features.

Axes: V token strings, X texts, W words, S tokens of the controls, F flags (shapes, places).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from models.autointerp.example_set import ExampleSet
from models.autointerp.lexical.rule_language import PLACES, SHAPES, Rule, Term
from models.autointerp.lexical.token_properties import TokenProperties
from models.autointerp.lexical.token_windows import NEAR, TokenWindows

CONTROLS = 8_000
"""Control windows that are looked at, at most; those with the lowest example ids, which are hashes."""
SAMPLE = 500
"""Places that are looked at to see what else holds where a rule holds."""
REMEMBERED = 200


@dataclass(frozen=True)
class CorpusRates:
    """Rates of what a term may look at, among all tokens of the corpus."""

    vocabulary: TokenProperties
    count_V: np.ndarray
    tape: TokenWindows
    """The control windows."""

    @classmethod
    def of(cls, gallery: ExampleSet, vocabulary: TokenProperties, counts: Mapping[str, int]) -> "CorpusRates":
        """Rates from the counts of a corpus' tokens and from the controls that are not for scoring."""
        count_V = np.array([counts.get(string, 0) for string in vocabulary.strings], np.int64)
        ids = gallery.example_ids
        controls = np.flatnonzero(gallery.is_control_R & ~gallery.scores_R)
        chosen = sorted(sorted(controls.tolist(), key=ids.__getitem__)[:CONTROLS])
        return cls(vocabulary, count_V, gallery.tape(vocabulary, np.array(chosen, np.int64)))

    def of_family(self, family: str) -> np.ndarray:
        """Rate of every value of a family, by its number."""
        if family in ("token", "previous", "before"):
            return self._text_X
        if family in ("shape", "previous shape"):
            return self._shape_F
        return {"word": self._word_W, "place": self._place_F, "head": self._head_X, "near": self._near_W}[family]

    def _smoothed(self, counts: np.ndarray, n: int) -> np.ndarray:
        return (counts + 0.5) / (n + 1)

    @cached_property
    def _total(self) -> int:
        return int(self.count_V.sum())

    @cached_property
    def _text_X(self) -> np.ndarray:
        """Rate of each text, as the token itself or as one before."""
        counts = np.bincount(self.vocabulary.text_V, self.count_V, len(self.vocabulary.texts))
        return self._smoothed(counts, self._total)

    @cached_property
    def _word_W(self) -> np.ndarray:
        is_word = self.vocabulary.word_V >= 0
        counts = np.bincount(self.vocabulary.word_V[is_word], self.count_V[is_word], len(self.vocabulary.words))
        return self._smoothed(counts, self._total)

    @cached_property
    def _shape_F(self) -> np.ndarray:
        flags = self.vocabulary.shape_V[:, None] >> np.arange(len(SHAPES)) & 1
        return self._smoothed(self.count_V @ flags, self._total)

    @cached_property
    def _inner_S(self) -> np.ndarray:
        """Tokens of the controls with some text before them."""
        return np.flatnonzero(np.arange(len(self.tape.code_S)) - self.tape.first_S >= NEAR // 2)

    @cached_property
    def _place_F(self) -> np.ndarray:
        flags = self.tape.place_S[:, None] >> np.arange(len(PLACES)) & 1
        return self._smoothed(flags.sum(axis=0), len(flags))

    @cached_property
    def _head_X(self) -> np.ndarray:
        heads = self.tape.head_S[self._inner_S]
        return self._smoothed(np.bincount(heads[heads >= 0], minlength=len(self.vocabulary.texts)), len(heads))

    @cached_property
    def _near_W(self) -> np.ndarray:
        at = self._inner_S[:: max(1, len(self._inner_S) // 20_000)]
        words = self.tape.words_before(at)
        return self._smoothed(np.bincount(words[words >= 0], minlength=len(self.vocabulary.words)), len(at))

    @cached_property
    def _by_text(self) -> tuple[np.ndarray, np.ndarray]:
        """Inner tokens by their text, and where each text's begin."""
        order = self._inner_S[np.argsort(self.tape.text_S[self._inner_S], kind="stable")]
        return order, np.searchsorted(self.tape.text_S[order], np.arange(len(self.vocabulary.texts) + 1))

    def places_of(self, rule: Rule) -> np.ndarray:
        """Tokens of the controls at which a rule holds: at most about SAMPLE of them, evenly spread."""
        held, rest = self._inner_S, list(rule.terms)
        token = next((term for term in rest if term.family == "token"), None)
        if token is not None:
            order, ends = self._by_text
            numbers = [self.vocabulary.text_number[value] for value in token.values]
            held = np.sort(np.concatenate([order[ends[n] : ends[n + 1]] for n in numbers]))
            rest.remove(token)
        for term in rest:
            held = held[self._held(term)[held]]
        return held[:: max(1, len(held) // SAMPLE)]

    def _held(self, term: Term) -> np.ndarray:
        if term not in self._known:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            self._known[term] = self.tape.holds(term)
        return self._known[term]

    @cached_property
    def _known(self) -> dict[Term, np.ndarray]:
        """Where the terms hold that were looked up lately: the same few return for many features."""
        return {}
