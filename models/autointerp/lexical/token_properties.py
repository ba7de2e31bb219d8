"""What can be said of a token string by itself: its text without spaces around it, its word, its shapes.

Axes: V token strings, X distinct texts, W distinct words.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from models.autointerp.lexical.rule_language import SHAPES

_BRACKETS_OPEN, _BRACKETS_CLOSE, _QUOTES, _OPERATORS = "([{", ")]}", "'\"`", "+-*/=<>!%&|^~@:"

_IS: Mapping[str, Callable[[str], bool]] = {
    "numbers": lambda s: bool(re.fullmatch(r"[0-9a-fA-F]*[0-9][0-9a-fA-F]*", s)),
    "single letters": lambda s: len(s) == 1 and s.isalpha(),
    "upper-case words": lambda s: len(s) > 1 and s.isalpha() and s.isupper(),
    "capitalised words": lambda s: len(s) > 1 and s.isalpha() and s[0].isupper() and s[1:].islower(),
    "lower-case words": lambda s: len(s) > 1 and s.isalpha() and s.islower(),
    "names with underscores": lambda s: "_" in s,
    "opening brackets": lambda s: s != "" and s[-1] in _BRACKETS_OPEN,
    "closing brackets": lambda s: s != "" and s[0] in _BRACKETS_CLOSE,
    "quotes": lambda s: s != "" and not set(s) - set(_QUOTES),
    "operators": lambda s: s != "" and not set(s) - set(_OPERATORS),
    "punctuation": lambda s: s != "" and not any(c.isalnum() or c == "_" for c in s),
    "non-ASCII text": lambda s: not s.isascii(),
}

PART = "{part of a character}"


def text_of(token: str) -> str:
    """The token without the spaces around it; a token of nothing else stays as it is.

    A token that shows nothing is part of a character, which stands whole at the last of its tokens.
    """
    return token.strip() or token or PART


def word_of(token: str) -> str:
    """The token as a word in lower case; empty where it is none."""
    text = token.strip()
    return text.lower() if len(text) > 1 and text.isalpha() else ""


def shape_bits(token: str) -> int:
    """One bit per entry of SHAPES."""
    text = token.strip()
    if not text:
        found = {"line breaks"} if "\n" in token else {"indentation"}
    else:
        found = {name for name, holds in _IS.items() if holds(text)} | ({"line breaks"} if "\n" in token else set())
    return sum(1 << i for i, name in enumerate(SHAPES) if name in found)


@dataclass(frozen=True)
class TokenProperties:
    """Token strings with what is said of each: number of its text and of its word (-1: none), bits of its shapes."""

    strings: Sequence[str]
    texts: list[str]
    words: list[str]
    text_V: np.ndarray
    word_V: np.ndarray
    shape_V: np.ndarray

    @classmethod
    def of(cls, strings: Sequence[str]) -> "TokenProperties":
        texts, words = [text_of(s) for s in strings], [word_of(s) for s in strings]
        all_texts, all_words = sorted(set(texts)), sorted(set(words) - {""})
        text_number = {text: i for i, text in enumerate(all_texts)}
        word_number = {word: i for i, word in enumerate(all_words)} | {"": -1}
        return cls(
            strings,
            all_texts,
            all_words,
            np.array([text_number[t] for t in texts], np.int32),
            np.array([word_number[w] for w in words], np.int32),
            np.array([shape_bits(s) for s in strings], np.int32),
        )

    @cached_property
    def text_number(self) -> dict[str, int]:
        return {text: i for i, text in enumerate(self.texts)}

    @cached_property
    def word_number(self) -> dict[str, int]:
        return {word: i for i, word in enumerate(self.words)}

    def _flags(self, holds: Callable[[str], bool]) -> np.ndarray:
        return np.array([holds(s) for s in self.strings], dtype=bool)

    @cached_property
    def breaks_line_V(self) -> np.ndarray:
        return self._flags(lambda s: "\n" in s)

    @cached_property
    def blank_V(self) -> np.ndarray:
        return self._flags(lambda s: not s.strip())

    @cached_property
    def hash_V(self) -> np.ndarray:
        """Opens a comment, as far as a token can tell."""
        return self._flags(lambda s: s.strip().startswith("#"))

    @cached_property
    def quotes_V(self) -> np.ndarray:
        """Quotation marks in the token."""
        return np.array([s.count("'") + s.count('"') for s in self.strings], np.int32)

    @cached_property
    def prose_V(self) -> np.ndarray:
        """A word after a space, as in running text."""
        return self._flags(lambda s: s[:1] == " " and s.strip().isalpha() and s.strip().islower())

    @cached_property
    def code_V(self) -> np.ndarray:
        """Hardly ever stands in running text."""
        return self._flags(lambda s: any(c in "()[]{}=_+*/\\<>|#@;" for c in s))

    @cached_property
    def starts_inside_V(self) -> np.ndarray:
        return self._flags(lambda s: s[:1].isalnum())

    @cached_property
    def ends_inside_V(self) -> np.ndarray:
        return self._flags(lambda s: s[-1:].isalnum())
