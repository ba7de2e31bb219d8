"""A corpus cut into contexts: rows of tokens that a model is fed, each from one document.

A context is consecutive tokens of ONE document in a frame (BOS or CLS before it, SEP after it). No context crosses a
document's end, so nothing is attended to that the text did not say; the last context of a document is shorter. Which of
its tokens have activations is for `token_filter` to say.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from models.corpora.context_frame import SpecialTokens
from models.corpora.document_tokens import DocumentTokenizer, DocumentTokens
from models.corpora.documents import AnyDocument
from models.corpora.token_filter import TokenFilter
from storage.folder import Folder
from storage.manifest import Manifest

PER_SHARD = 4096
SCHEMA = pa.schema(
    [
        ("context_id", pa.int64()),
        ("document_id", pa.string()),
        ("start", pa.int64()),
        ("token_ids", pa.list_(pa.int32())),
    ]
)
DOCUMENTS = "documents.parquet"
DOCUMENT_SCHEMA = pa.schema(
    [
        ("document_id", pa.string()),
        ("n_tokens", pa.int64()),
        ("near_copy_group", pa.string()),
        ("is_held_out", pa.bool_()),
    ]
)


class EmptyCorpus(ValueError):
    """The corpus holds nothing to feed a model, or less than one context. Point the card at more text."""


@dataclass(frozen=True, slots=True)
class Context:
    """One row of tokens; `start` is the place in the document, counted in tokens, of the first one after the prefix."""

    context_id: int
    document_id: str
    start: int
    token_ids: np.ndarray


def tokenize_into_contexts(
    documents: Iterable[AnyDocument],
    tokenizer: Any,
    context_length: int,
    tokens: int,
    frame: SpecialTokens | None = None,
) -> Iterator[Context]:
    """Contexts of the documents in their order, until they hold `tokens` tokens of text; in the tokenizer's own frame
    if none is given."""
    frame = frame or SpecialTokens.of(tokenizer)
    return contexts_of(DocumentTokenizer(tokenizer, frame)(documents), frame, context_length, tokens)


def contexts_of(
    documents: Iterable[DocumentTokens], frame: SpecialTokens, context_length: int, tokens: int
) -> Iterator[Context]:
    """Contexts of tokenized documents in their order, until they hold `tokens` of their tokens."""
    room, context_id, n_tokens = frame.content(context_length), 0, 0
    for document in documents:
        for start in range(0, len(document.token_ids), room):
            content = document.token_ids[start : start + room].tolist()
            row = np.array(frame.framed(content), dtype=np.int32)
            yield Context(context_id, document.document_id, start, row)
            context_id, n_tokens = context_id + 1, n_tokens + len(content)
            if n_tokens >= tokens:
                return


@dataclass(frozen=True)
class TokenizedCorpus:
    """A finished corpus, read by context id."""

    folder: Folder
    manifest: Manifest

    @classmethod
    def open(cls, folder: Folder) -> "TokenizedCorpus":
        manifest = Manifest.read(folder)
        if manifest is None:
            raise FileNotFoundError(
                f"{folder} holds no finished corpus: materialize `corpus` for a model that reads it"
            )
        manifest.check(folder)
        return cls(folder, manifest)

    @property
    def n_contexts(self) -> int:
        return self.manifest.facts["n_contexts"]

    @property
    def n_shards(self) -> int:
        return sum(entry.name != DOCUMENTS for entry in self.manifest.files)

    @cached_property
    def token_filter(self) -> TokenFilter:
        """Which of the tokens have activations."""
        facts = self.manifest.facts
        frame = SpecialTokens(tuple(facts["prefix"]), tuple(facts["suffix"]), facts["skip_first"])
        return TokenFilter(frozenset(facts["special_ids"]), frame)

    @cached_property
    def document_ids(self) -> list[str]:
        """The document of every context, by context id; a name is held once for all contexts of its document."""
        tables = (self._table(number, ["document_id"]) for number in range(self.n_shards))
        columns = (table.column(0).combine_chunks().dictionary_encode() for table in tables)
        named = ((column.dictionary.to_pylist(), column.indices.to_numpy()) for column in columns)
        return [names[i] for names, indices in named for i in indices]

    @cached_property
    def documents(self) -> pa.Table:
        """One row a document, by `DOCUMENT_SCHEMA`."""
        [entry] = (entry for entry in self.manifest.files if entry.name == DOCUMENTS)
        with entry.reading(self.folder) as path:
            return pq.read_table(path)

    @cached_property
    def held_out_documents(self) -> frozenset[str]:
        """Documents that nothing is trained on."""
        table = self.documents
        return frozenset(table.filter(table["is_held_out"])["document_id"].to_pylist())

    @cached_property
    def near_copy_group(self) -> dict[str, str]:
        """For every document the first of its near copies, by name: itself where it has none."""
        columns = (self.documents[name].to_pylist() for name in ("document_id", "near_copy_group"))
        return dict(zip(*columns, strict=True))

    def _table(self, number: int, columns: list[str] | None = None) -> pa.Table:
        with self.manifest.files[number].reading(self.folder) as path:
            return pq.read_table(path, columns=columns)

    def shard(self, number: int) -> list[Context]:
        """All contexts of one file."""
        table = self._table(number)
        tokens = table.column("token_ids").combine_chunks()
        values, ends = tokens.values.to_numpy(), tokens.offsets.to_numpy()
        ids, documents, starts = (table.column(name).to_pylist() for name in ("context_id", "document_id", "start"))
        rows = zip(ids, documents, starts, ends[:-1], ends[1:], strict=True)
        return [Context(i, document, start, values[a:b]) for i, document, start, a, b in rows]

    def rows(self, context_ids: Iterable[int]) -> list[Context]:
        """The contexts asked for, in the order asked; each file that holds some is read once, and not held by them."""
        ids = list(context_ids)
        shards = {number: self.shard(number) for number in sorted({i // PER_SHARD for i in ids})}
        found = (shards[i // PER_SHARD][i % PER_SHARD] for i in ids)
        return [replace(context, token_ids=context.token_ids.copy()) for context in found]

    def window_widths(self, asked: int) -> tuple[int, int]:
        """Tokens of the window that an example shows, and of one in which a control is silent."""
        return asked, asked

    def __iter__(self) -> Iterator[Context]:
        return chain.from_iterable(self.shard(number) for number in range(self.n_shards))
