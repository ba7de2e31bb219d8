"""Token ids of documents: text by the tokenizer, conversations by its chat template, others' ids as they are.

A special token's name inside a text, such as `<s>` in a page about tokenizers, is text unless the card says otherwise:
a model would read the token as the beginning of another document.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import jinja2
import numpy as np

from models.corpora.context_frame import SpecialTokens, tokenizer_sha256
from models.corpora.documents import AnyDocument, Conversation, Document, PretokenizedDocument
from models.corpora.left_out import LeftOut
from models.corpora.text_tokens import chat_token_ids, text_token_ids

TOGETHER, CHARACTERS = 64, 1 << 20
"""Documents, and characters (or token ids) of them, that are tokenized together."""


class UnusableCorpus(ValueError):
    """A corpus holds conversations or token ids that this model's tokenizer cannot take. See the message."""


@dataclass(frozen=True, slots=True)
class DocumentTokens:
    """A document's tokens without the frame that a context has around them."""

    document_id: str
    token_ids: np.ndarray


@dataclass
class DocumentTokenizer:
    """Tokenizes documents in their order, and counts what it leaves out and which frames were there already."""

    tokenizer: Any
    frame: SpecialTokens
    parse_special: bool = False
    tokenizer_sha256: str | None = None
    """Of the tokenizer that made the token ids of pretokenized rows, by the card's word."""
    n_framed: int = 0
    """Documents that began with the frame's prefix by themselves: it is not put before them twice."""
    left_out: LeftOut = field(default_factory=LeftOut)

    def __call__(self, documents: Iterable[AnyDocument]) -> Iterator[DocumentTokens]:
        """The documents that have tokens; the others are counted.

        Raises:
            UnusableCorpus: At the first conversation if the tokenizer has no chat template, and at the first
                pretokenized document if the card does not name this tokenizer.
        """
        for batch in _batches(documents):
            texts = iter(self._texts([d.text for d in batch if isinstance(d, Document)]))
            for document in batch:
                ids = next(texts) if isinstance(document, Document) else self._others(document)
                if ids is None:
                    continue
                if len(ids := self._unframed(ids)):
                    yield DocumentTokens(document.document_id, np.asarray(ids, dtype=np.int32))
                else:
                    self.left_out.add("without a token of its own", document.document_id)

    @cached_property
    def _own_sha256(self) -> str:
        return tokenizer_sha256(self.tokenizer)

    def _texts(self, texts: list[str]) -> list[list[int]]:
        return text_token_ids(self.tokenizer, texts, parse_special=self.parse_special) if texts else []

    def _others(self, document: AnyDocument) -> Sequence[int] | None:
        if isinstance(document, PretokenizedDocument):
            return self._pretokenized(document)
        assert isinstance(document, Conversation)
        return self._conversation(document)

    def _unframed(self, ids: Sequence[int]) -> Sequence[int]:
        """The ids without the frame's own tokens at their ends."""
        prefix, suffix = self.frame.prefix, self.frame.suffix
        if prefix and tuple(ids[: len(prefix)]) == prefix:
            self.n_framed += 1
            ids = ids[len(prefix) :]
        if suffix and tuple(ids[-len(suffix) :]) == suffix:
            ids = ids[: -len(suffix)]
        return ids

    def _pretokenized(self, document: PretokenizedDocument) -> Sequence[int] | None:
        ours = self._own_sha256
        if self.tokenizer_sha256 != ours:
            said = f"says {self.tokenizer_sha256}" if self.tokenizer_sha256 else "does not say which"
            raise UnusableCorpus(
                f"{document.document_id} holds token ids, and corpus.tokenizer_sha256 of the model card {said}; this "
                f"model's tokenizer is {ours}: name that one if it made them, or read a column of text"
            )
        if document.token_ids.max() >= len(self.tokenizer):
            self.left_out.add(f"token ids beyond the tokenizer's {len(self.tokenizer):,}", document.document_id)
            return None
        return document.token_ids.tolist()

    def _conversation(self, document: Conversation) -> Sequence[int] | None:
        if not self.tokenizer.chat_template:
            raise UnusableCorpus(
                f"{document.document_id} is a conversation, and the model's tokenizer has no chat template: take a "
                "model that has one, or name a column of text as corpus.text_column in the model card"
            )
        try:
            return chat_token_ids(self.tokenizer, document.messages, parse_special=self.parse_special)
        except (jinja2.TemplateError, TypeError, KeyError) as error:
            self.left_out.add(f"refused by the chat template ({str(error)[:80]})", document.document_id)
            return None


def _characters(document: AnyDocument) -> int:
    match document:
        case Document(_, text):
            return len(text)
        case Conversation(_, messages):
            return sum(len(str(message["content"])) for message in messages)
        case PretokenizedDocument(_, token_ids):
            return len(token_ids)


def _batches(documents: Iterable[AnyDocument]) -> Iterator[list[AnyDocument]]:
    batch: list[AnyDocument] = []
    characters = 0
    for document in documents:
        batch.append(document)
        characters += _characters(document)
        if len(batch) == TOGETHER or characters >= CHARACTERS:
            yield batch
            batch, characters = [], 0
    if batch:
        yield batch
