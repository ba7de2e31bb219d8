"""The text of single tokens, such that joining the texts of consecutive tokens gives the text.

A token alone may be half a character, or lose the space that it begins with: each is read after another token, and a
character that several tokens share stands whole at the last of them.

Axes: V vocabulary, R tokens of a text.
"""

import codecs
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np

_HALF = "\ufffd"
_BYTE = re.compile(r"<0x([0-9A-Fa-f]{2})>")


def _byte_of_sign() -> Mapping[str, int]:
    """Byte-level BPE writes each byte as a printable character: itself where it is one, else one above U+0100."""
    plain = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in plain]
    return {chr(b): b for b in plain} | {chr(256 + n): b for n, b in enumerate(others)}


@dataclass(frozen=True)
class TokenStrings:
    """Texts by token id; `raw` is how the tokenizer itself writes a token."""

    texts: list[str]
    raw: list[str]

    @classmethod
    def of(cls, tokenizer: Any) -> Self:
        """Reads every token after an ordinary one, so that it keeps its leading space."""
        anchor = tokenizer("a", add_special_tokens=False)["input_ids"][-1]
        ids = list(range(len(tokenizer)))

        def decoded(batch: list[list[int]]) -> list[str]:
            return tokenizer.batch_decode(batch, skip_special_tokens=False, clean_up_tokenization_spaces=False)

        [before] = decoded([[anchor]])
        texts = [text.removeprefix(before) for text in decoded([[anchor, i] for i in ids])]
        return cls(texts, [str(token) for token in tokenizer.convert_ids_to_tokens(ids)])

    @cached_property
    def is_half_V(self) -> np.ndarray:
        """Tokens that end or begin within a character."""
        return np.array([_HALF in text for text in self.texts], dtype=bool)

    @cached_property
    def _byte_of(self) -> Mapping[str, int]:
        return _byte_of_sign()

    def _bytes(self, token: int) -> bytes:
        raw = self.raw[token]
        if written := _BYTE.fullmatch(raw):
            return bytes([int(written[1], 16)])
        if all(sign in self._byte_of for sign in raw):
            return bytes(self._byte_of[sign] for sign in raw)
        return _HALF.encode()

    def spelled(self, tokens_R: np.ndarray) -> dict[int, str]:
        """The texts that differ from `texts`, by place: of tokens that share characters with their neighbours."""
        halves = np.flatnonzero(self.is_half_V[tokens_R])
        found: dict[int, str] = {}
        for run in np.split(halves, np.flatnonzero(np.diff(halves) > 1) + 1) if len(halves) else ():
            decoder = codecs.getincrementaldecoder("utf-8")("replace")
            for place in run:
                found[int(place)] = decoder.decode(self._bytes(int(tokens_R[place])), final=bool(place == run[-1]))
        return found
