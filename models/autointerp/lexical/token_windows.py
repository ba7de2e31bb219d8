"""Concatenated token windows with per-token context properties.

Axes: S tokens of all windows (flat), R windows, V distinct token strings.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from models.autointerp.lexical.rule_language import PLACES, SHAPES, Rule, Term
from models.autointerp.lexical.token_properties import TokenProperties

NEAR = 16
"""`near` looks at so many tokens before."""
AROUND = 12
"""Whether a token stands in prose or among numbers is decided by so many tokens before."""
FIRST = 3
"""Positions up to this one, from the first that is read, are the start of a context."""


@dataclass(frozen=True)
class TokenWindows:
    """Tokens of R windows; window r is `start_R[r]` to `start_R[r + 1]`, its first token stands at `position_R[r]` of
    its context, counted from the first position that is read."""

    vocabulary: TokenProperties
    code_S: np.ndarray
    start_R: np.ndarray
    position_R: np.ndarray

    @cached_property
    def first_S(self) -> np.ndarray:
        """Where the window of each token starts."""
        return np.repeat(self.start_R[:-1], np.diff(self.start_R))

    @cached_property
    def text_S(self) -> np.ndarray:
        return self.vocabulary.text_V[self.code_S]

    @cached_property
    def word_S(self) -> np.ndarray:
        return self.vocabulary.word_V[self.code_S]

    @cached_property
    def shape_S(self) -> np.ndarray:
        return self.vocabulary.shape_V[self.code_S]

    def _earlier(self, of_S: np.ndarray, by: int, missing: int) -> np.ndarray:
        """The value of the token `by` places before; `missing` where the window does not show it."""
        shifted = np.concatenate([np.full(by, missing, of_S.dtype), of_S[: max(0, len(of_S) - by)]])[: len(of_S)]
        return np.where(np.arange(len(of_S)) - by >= self.first_S, shifted, missing)

    @cached_property
    def previous_S(self) -> np.ndarray:
        return self._earlier(self.text_S, 1, -1)

    @cached_property
    def before_S(self) -> np.ndarray:
        return self._earlier(self.text_S, 2, -1)

    @cached_property
    def previous_shape_S(self) -> np.ndarray:
        return self._earlier(self.shape_S, 1, 0)

    @cached_property
    def _line_S(self) -> np.ndarray:
        """Where the line of each token starts, or the window if it shows no start; a line break ends its line."""
        at = np.arange(len(self.code_S))
        after_break = np.concatenate([[False], self.vocabulary.breaks_line_V[self.code_S][:-1]])
        return np.maximum.accumulate(np.where(after_break | (at == self.first_S), at, 0))

    @cached_property
    def _head_at_S(self) -> np.ndarray:
        """Where the first token of the line stands that is no space; -1 where the window does not show it (yet)."""
        at = np.arange(len(self.code_S))
        filled = np.flatnonzero(~self.vocabulary.blank_V[self.code_S])
        if not len(filled):
            return np.full(len(at), -1)
        next_filled = filled[np.minimum(np.searchsorted(filled, self._line_S), len(filled) - 1)]
        known = (self._line_S > self.first_S) & (next_filled >= self._line_S) & (next_filled <= at)
        return np.where(known, next_filled, -1)

    @cached_property
    def head_S(self) -> np.ndarray:
        """Text that the line starts with; -1 at the start itself and where it is not known."""
        at = np.arange(len(self.code_S))
        return np.where((self._head_at_S >= 0) & (self._head_at_S < at), self.text_S[self._head_at_S], -1)

    def _since(self, start_S: np.ndarray, flag_S: np.ndarray) -> np.ndarray:
        """How often the flag was up from a start to before each token."""
        total = np.concatenate([[0], np.cumsum(flag_S)])
        return total[:-1] - total[start_S]

    @cached_property
    def place_S(self) -> np.ndarray:
        """One bit per entry of PLACES."""
        vocabulary, code_S, at = self.vocabulary, self.code_S, np.arange(len(self.code_S))
        from_S = np.maximum(self.first_S, at - AROUND)
        seen_S = np.maximum(1, at - from_S)
        prose_S = self._since(from_S, vocabulary.prose_V[code_S]) / seen_S
        number_S = self._since(from_S, (vocabulary.shape_V & 1 << SHAPES.index("numbers") != 0)[code_S]) / seen_S
        flags = {
            "at line start": self._head_at_S == at,
            "in # comments": self._since(self._line_S, vocabulary.hash_V[code_S]) > 0,
            "in quotes": self._since(self._line_S, vocabulary.quotes_V[code_S]) % 2 == 1,
            "in prose": (prose_S >= 0.5) & (seen_S >= 4) & (self._since(from_S, vocabulary.code_V[code_S]) == 0),
            "among numbers": (number_S >= 0.3) & (seen_S >= 4),
            "inside words": vocabulary.starts_inside_V[code_S]
            & (self._earlier(vocabulary.ends_inside_V[code_S].astype(np.int8), 1, 0) == 1),
            "at the start of a context": at - self.first_S + np.repeat(self.position_R, np.diff(self.start_R)) <= FIRST,
        }
        return sum((flags[name].astype(np.int32) << i for i, name in enumerate(PLACES)), np.zeros(len(at), np.int32))

    def words_before(self, at: np.ndarray) -> np.ndarray:
        """The words among the NEAR tokens before each of the tokens `at`, each once; -1 where there is none."""
        steps = at[:, None] - np.arange(1, NEAR + 1)
        words = np.where(steps >= self.first_S[at][:, None], self.word_S[np.maximum(steps, 0)], -1)
        words.sort(axis=1)
        words[:, 1:][words[:, 1:] == words[:, :-1]] = -1
        return words

    def holds(self, term: Term, span: slice = slice(None)) -> np.ndarray:
        """Whether the term holds, for every token of whole windows: all, or those of the span."""
        vocabulary = self.vocabulary
        if term.family in ("shape", "previous shape", "place"):
            names = PLACES if term.family == "place" else SHAPES
            return self.bits_S(term.family)[span] & sum(1 << names.index(value) for value in term.values) != 0
        if term.family in ("word", "near"):
            found = _is_in(self.word_S[span], [vocabulary.word_number.get(value, -2) for value in term.values])
            return found if term.family == "word" else self._lately(found, span)
        wanted = [vocabulary.text_number.get(value, -2) for value in term.values]
        return _is_in(self.numbers_S(term.family)[span], wanted)

    def _lately(self, found: np.ndarray, span: slice) -> np.ndarray:
        """Whether something was found at one of the NEAR tokens before, for the tokens of a span."""
        at = np.arange(len(found))
        from_S = np.maximum(self.first_S[span] - (span.start or 0), at - NEAR)
        return self._since(from_S, found) > 0

    def numbers_S(self, family: str) -> np.ndarray:
        """What a family of texts or words looks at, as their numbers; -1 where there is none."""
        return getattr(self, {"token": "text_S"}.get(family, f"{family}_S"))

    def bits_S(self, family: str) -> np.ndarray:
        """What a family of flags looks at, a bit per flag."""
        return getattr(self, f"{family.replace(' ', '_')}_S")

    def follows(self, rule: Rule, span: slice = slice(None)) -> np.ndarray:
        """Whether the rule holds, for every token of whole windows: all, or those of the span."""
        if not rule.terms:
            return np.zeros(len(self.code_S[span]), dtype=bool)
        held = self.holds(rule.terms[0], span)
        for term in rule.terms[1:]:
            held = held & self.holds(term, span)
        return held


def _is_in(values_S: np.ndarray, wanted: list[int]) -> np.ndarray:
    found = values_S == wanted[0]
    for value in wanted[1:]:
        found = found | (values_S == value)
    return found
