"""The frame of a context: the tokens that a model is fed around a text, and how many of its first tokens are not read.

Many models use the first token that they see as an attention sink: its activation is tens to hundreds of times as long
as any other, whatever the token is (Xiao et al. 2023, arXiv:2309.17453; Sun et al. 2024, arXiv:2402.17762). A token
before the text takes that role on itself, if it is the one that the model was trained with.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

PROBES = 8


class UnknownToken(ValueError):
    """A card names a token that the tokenizer does not have, or a BOS where there is none. Name one that it has."""


class UnusableTokenizer(ValueError):
    """A tokenizer does not say which tokens it puts around a text. Mend it as the message says."""


@dataclass(frozen=True, slots=True)
class SpecialTokens:
    """Special tokens before and after a text, and the number of text tokens after the prefix that are not read."""

    prefix: tuple[int, ...]
    suffix: tuple[int, ...]
    skip_first: int = 0

    @property
    def first_read(self) -> int:
        """Position of the first token that may be read."""
        return len(self.prefix) + self.skip_first

    @classmethod
    def of(cls, tokenizer: Any) -> "SpecialTokens":
        """What the tokenizer itself puts before and after every text.

        Raises:
            UnusableTokenizer: If it makes no tokens of strings of its own vocabulary, or puts different tokens around
                different texts.
        """
        around = {text: framed for text in _own_texts(tokenizer) if (framed := _around(tokenizer, text)) is not None}
        if not around:
            raise UnusableTokenizer(
                f"the tokenizer ({type(tokenizer).__name__}, {len(tokenizer):,} tokens) makes no tokens of the strings "
                "of its own vocabulary: save it again with the version that it was made with"
            )
        (first, frame), *others = around.items()
        for text, other in others:
            if other != frame:
                raise UnusableTokenizer(
                    f"the tokenizer puts {_names(tokenizer, frame)} around {first!r} and {_names(tokenizer, other)} "
                    f"around {text!r}, wanted the same around every text: mend its post-processor"
                )
        return cls(*frame)

    @classmethod
    def asked(cls, tokenizer: Any, prepend_bos: bool | str) -> "SpecialTokens":
        """The frame that a card asks for: with the tokenizer's BOS, without it, or with another token; never doubled.

        Raises:
            UnknownToken: If the token is none of the tokenizer's, or it has no BOS.
        """
        habit, bos = cls.of(tokenizer), tokenizer.bos_token_id
        if prepend_bos is False:
            return replace(habit, prefix=tuple(token for token in habit.prefix if token != bos))
        token = bos if prepend_bos is True else _token_id(tokenizer, prepend_bos)
        if token is None:
            raise UnknownToken(
                f"prepend_bos: true, but the tokenizer has no BOS: name one of its special tokens instead "
                f"({_special(tokenizer)}), or say auto"
            )
        return habit if token in habit.prefix else replace(habit, prefix=(token, *habit.prefix))

    def content(self, context_length: int) -> int:
        """Text tokens that a context of this length has room for.

        Raises:
            ValueError: If special tokens and skipped ones leave no room.
        """
        room = context_length - len(self.prefix) - len(self.suffix)
        if room < 1:
            raise ValueError(
                f"context_length={context_length} leaves no room beside {context_length - room} special tokens: "
                "make it longer"
            )
        if room <= self.skip_first:
            raise ValueError(
                f"context_length={context_length} leaves room for {room} text tokens, and skip_first={self.skip_first} "
                "of them are not read: make it longer, or lower skip_first"
            )
        return room

    def framed(self, content: Sequence[int]) -> list[int]:
        """One context: the text's tokens with the frame around them."""
        return [*self.prefix, *content, *self.suffix]

    def named(self, tokenizer: Any) -> dict[str, "SpecialTokens"]:
        """This frame by the text of what stands before a context."""
        return {tokenizer.decode(list(self.prefix)) or "none": self}

    def sha256(self, tokenizer: Any) -> str:
        """Hash of how a text becomes contexts: the tokenizer and the frame."""
        parts = [tokenizer_sha256(tokenizer), self.prefix, self.suffix, self.skip_first]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


NO_FRAME = SpecialTokens((), ())


def candidates(tokenizer: Any) -> dict[str, SpecialTokens]:
    """Frames that `prepend_bos: auto` may choose from, by the name of the token before the text.

    A tokenizer that puts something before a text has its way; otherwise nothing, BOS and EOS are tried, in this order.
    """
    habit = SpecialTokens.of(tokenizer)
    if habit.prefix:
        return habit.named(tokenizer)
    ends = [token for token in (tokenizer.bos_token_id, tokenizer.eos_token_id) if token is not None]
    others = {tokenizer.convert_ids_to_tokens(token): replace(habit, prefix=(token,)) for token in ends}
    return habit.named(tokenizer) | others


def tokenizer_sha256(tokenizer: Any) -> str:
    """Hash of what a tokenizer does: its vocabulary, merges, normalisation and special tokens."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    text = backend.to_str() if backend is not None else json.dumps(tokenizer.get_vocab(), sort_keys=True)
    return hashlib.sha256(f"{text}\0{sorted(tokenizer.all_special_ids)}".encode()).hexdigest()


def _own_texts(tokenizer: Any) -> list[str]:
    """Strings of the tokenizer's own vocabulary, spread over it, and one that most tokenizers know."""
    ids = np.linspace(0, len(tokenizer) - 1, PROBES).astype(int).tolist()
    special = set(tokenizer.all_special_ids)
    return ["a", *dict.fromkeys(tokenizer.decode([token]) for token in ids if token not in special)]


def _around(tokenizer: Any, text: str) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
    """Tokens that are put before and after a text, by the tokenizer's own mask; None if the text makes no token."""
    bare = tokenizer(text, add_special_tokens=False)["input_ids"]
    framed = tokenizer(text, return_special_tokens_mask=True)
    ids, mask = framed["input_ids"], framed["special_tokens_mask"]
    before = next((i for i, special in enumerate(mask) if not special), len(ids))
    after = len(ids) - before - len(bare)
    if not bare:
        return None
    if after < 0 or ids[before : before + len(bare)] != bare:
        raise UnusableTokenizer(
            f"the tokenizer makes {bare} of {text!r} and {ids} with special tokens, wanted the same tokens between "
            "them: mend its post-processor"
        )
    return tuple(ids[:before]), tuple(ids[len(ids) - after :])


def _names(tokenizer: Any, frame: tuple[tuple[int, ...], tuple[int, ...]]) -> str:
    before, after = (tokenizer.convert_ids_to_tokens(list(part)) for part in frame)
    return f"{before} … {after}"


def _token_id(tokenizer: Any, token: str) -> int:
    found = tokenizer.get_vocab().get(token)
    if found is None:
        raise UnknownToken(
            f"prepend_bos: {token!r} is no token of this tokenizer: name one of its special tokens "
            f"({_special(tokenizer)}), or say auto, true or false"
        )
    return found


def _special(tokenizer: Any) -> str:
    return ", ".join(tokenizer.all_special_tokens[:10]) or "it has none"
