"""Binary token labels for probes, computed from the text alone.

Axes: V vocabulary, T tokens of consecutive contexts in reading order, C targets.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

WORD = re.compile(r" ?([A-Za-z])[A-Za-z]+")
"""A token that is a word: two ASCII letters or more, with or without the space before it."""
KINDS = ("digit", "space", "upper", "punctuation")
FREQUENT = 5
"""Next tokens asked for, and first letters."""


@dataclass(frozen=True, slots=True)
class TokenTargets:
    """Names of targets, and which tokens are of each."""

    names: tuple[str, ...]
    is_so_TC: np.ndarray


def first_letters(texts: Sequence[str]) -> np.ndarray:
    """For each token of the vocabulary its first letter, 0 for a or A to 25; -1 where it is not a word. Shape [V]."""
    matches = [WORD.fullmatch(text) for text in texts]
    return np.array([ord(match[1].lower()) - ord("a") if match else -1 for match in matches], dtype=np.int64)


def token_targets(texts: Sequence[str], token_T: np.ndarray, context_T: np.ndarray) -> TokenTargets:
    """Targets of each token.

    `digit`: digits only, but for space around them. `space`: begins with a space. `upper`: has letters, none of them
    small. `punctuation`: neither letter nor digit, but not only space. `quoted`: an odd number of double quotes stands
    before it on its line, as far as the context shows the line. `next …`: the token after it in its context is this
    one, for the FREQUENT most frequent. `letter …`: a word that begins so, for the FREQUENT most frequent first letters
    among these tokens.
    """
    kinds_VC = np.array([_kinds(text) for text in texts], dtype=bool)
    named: dict[str, np.ndarray] = dict(zip(KINDS, kinds_VC[token_T].T, strict=True))
    named["quoted"] = _quoted(texts, token_T, context_T)
    next_T = np.where(np.append(np.diff(context_T) == 0, False), np.roll(token_T, -1), -1)
    for token in _most_frequent(next_T):
        named[f"next {texts[token]!r}"] = next_T == token
    letter_T = first_letters(texts)[token_T]
    for letter in _most_frequent(letter_T):
        named[f"letter {chr(ord('a') + letter)}"] = letter_T == letter
    return TokenTargets(tuple(named), np.stack(list(named.values()), axis=1))


def _kinds(text: str) -> tuple[bool, ...]:
    """In the order of KINDS."""
    bare = text.strip()
    plain = bool(bare) and not any(sign.isalnum() for sign in bare)
    return bare.isdigit(), text.startswith(" "), bare.isupper(), plain


def _quoted(texts: Sequence[str], token_T: np.ndarray, context_T: np.ndarray) -> np.ndarray:
    breaks_V = ["\n" in text for text in texts]
    odd_V = [text.rpartition("\n")[2].count('"') % 2 == 1 for text in texts]
    quoted_T, inside, before = np.zeros(len(token_T), dtype=bool), False, None
    for place, (token, context) in enumerate(zip(token_T.tolist(), context_T.tolist(), strict=True)):
        inside = inside and context == before
        quoted_T[place], before = inside, context
        inside = odd_V[token] if breaks_V[token] else inside ^ odd_V[token]
    return quoted_T


def _most_frequent(values_T: np.ndarray) -> list[int]:
    """Of values from 0 on; ties to the lower."""
    counts = np.bincount(values_T[values_T >= 0])
    order = np.argsort(-counts, kind="stable")[:FREQUENT]
    return order[counts[order] > 0].tolist()
