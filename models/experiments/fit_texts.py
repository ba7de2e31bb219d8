"""Texts that something is fitted on before prompts are read: the beginnings of a corpus's documents."""

from collections.abc import Iterator
from itertools import islice

from models.corpora.documents import Document, is_held_out
from models.corpora.sources import open_source
from models.corpora.text_tokens import text_token_ids
from models.language_model.hooked_model import HookedModel


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
