"""Texts that something is fitted on before prompts are read: the beginnings of a corpus's documents."""

from collections.abc import Iterator
from itertools import islice

from models.corpora.documents import Document, is_held_out
from models.corpora.sources import open_source
from models.corpora.text_tokens import text_token_ids
from models.language_model.hooked_model import HookedModel

LONGEST_DOCUMENT = 100_000
"""Characters of a document that are cut into pieces: no single one makes up all of them."""


def fit_texts(host: HookedModel, source: str, prefix: tuple[int, ...], n: int, length: int) -> list[tuple[int, ...]]:
    """Token ids of the first documents that no dictionary or model holds out, each cut to one length.

    Args:
        host: Whose tokenizer is used.
        source: As a model card's `corpus.source`.
        prefix: Special tokens before each text.
        n: How many.
        length: Tokens of each, special tokens included; shorter documents are left out.

    Raises:
        ValueError: If the source holds fewer texts that are so long.
    """
    texts = islice(_long_enough(host, source, prefix, length), n)
    found = list(texts)
    if len(found) < n:
        raise ValueError(
            f"{source} holds {len(found)} documents of {length} tokens to fit a lens on, and the card asks for {n}: "
            "lower fit_texts or fit_length, or name another fit_source"
        )
    return found


def _long_enough(host: HookedModel, source: str, prefix: tuple[int, ...], length: int) -> Iterator[tuple[int, ...]]:
    for document in open_source(source).documents():
        if isinstance(document, Document) and not is_held_out(document.document_id):
            # A token is seldom longer than sixteen characters: the rest of a long document is not cut into tokens.
            [ids] = text_token_ids(host.tokenizer, [document.text[: 16 * length]])
            if len(prefix) + len(ids) >= length:
                yield (*prefix, *ids)[:length]


def fit_windows(
    host: HookedModel, source: str, prefix: tuple[int, ...], n_tokens: int, length: int, setting: str = "fit_tokens"
) -> list[tuple[int, ...]]:
    """Consecutive pieces of the same documents, all of one length, until they hold so many tokens.

    Args:
        host: Whose tokenizer is used.
        source: As a model card's `corpus.source`.
        prefix: Special tokens before each piece, which are not counted.
        n_tokens: How many tokens.
        length: Tokens of each piece, special tokens included.
        setting: What the card calls the number of tokens.

    Raises:
        ValueError: If the source holds fewer, or no special token leaves room for text.
    """
    each = length - len(prefix)
    n = -(-n_tokens // each) if each > 0 else 0
    found = list(islice(_windows(host, source, each), n)) if n else []
    if not n or len(found) < n:
        raise ValueError(
            f"{source} holds {len(found) * max(each, 0):,} tokens in pieces of {length}, and the card asks for "
            f"{n_tokens:,}: lower {setting} or fit_length, or name another fit_source"
        )
    return [(*prefix, *window) for window in found]


def _windows(host: HookedModel, source: str, length: int) -> Iterator[tuple[int, ...]]:
    for document in open_source(source).documents():
        if isinstance(document, Document) and not is_held_out(document.document_id):
            [ids] = text_token_ids(host.tokenizer, [document.text[:LONGEST_DOCUMENT]])
            yield from (tuple(ids[start : start + length]) for start in range(0, len(ids) - length + 1, length))
