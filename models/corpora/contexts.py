"""A corpus cut into contexts: rows of tokens that a model is fed, each from one document.

A context is consecutive tokens of ONE document in a frame (BOS or CLS before it, SEP after it). No context crosses a
document's end, so nothing is attended to that the text did not say; the last context of a document is shorter. Which of
its tokens have activations is for `token_filter` to say.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, islice
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from models.corpora.context_frame import SpecialTokens
from models.corpora.documents import Document
from models.corpora.token_filter import TokenFilter
from storage.folder import Folder
from storage.manifest import Manifest, ManifestFile

PER_SHARD = 4096
SCHEMA = pa.schema(
    [
        ("context_id", pa.int64()),
        ("document_id", pa.string()),
        ("start", pa.int64()),
        ("token_ids", pa.list_(pa.int32())),
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
    documents: Iterable[Document], tokenizer: Any, context_length: int, tokens: int, frame: SpecialTokens | None = None
) -> Iterator[Context]:
    """Contexts of the documents in their order, until they hold `tokens` tokens of text; in the tokenizer's own frame
    if none is given."""
    frame = frame or SpecialTokens.of(tokenizer)
    room, context_id, n_tokens = frame.content(context_length), 0, 0
    for batch in _batched(documents, 64):
        encoded = tokenizer([d.text for d in batch], add_special_tokens=False, verbose=False)["input_ids"]
        for document, ids in zip(batch, encoded, strict=True):
            for start in range(0, len(ids), room):
                content = ids[start : start + room]
                row = np.array(frame.framed(content), dtype=np.int32)
                yield Context(context_id, document.document_id, start, row)
                context_id, n_tokens = context_id + 1, n_tokens + len(content)
                if n_tokens >= tokens:
                    return


def _batched(documents: Iterable[Document], n: int) -> Iterator[tuple[Document, ...]]:
    iterator = iter(documents)
    while batch := tuple(islice(iterator, n)):
        yield batch


def write_corpus(
    folder: Folder,
    contexts: Iterable[Context],
    identity: dict[str, Any],
    token_filter: TokenFilter,
    *,
    source: str,
    context_length: int,
) -> Manifest:
    """Writes a corpus, whole or not at all; `facts` of its manifest have its source and length of contexts, and count
    documents, contexts, text tokens, special tokens and the text tokens that `skip_first` leaves out.

    Raises:
        EmptyCorpus: If there is no text, or less of it than one context holds.
    """
    entries: list[ManifestFile] = []
    documents, n_tokens, n_special, n_skipped = set[str](), 0, 0, 0
    iterator = iter(contexts)
    for number in range(2**31):
        rows = list(islice(iterator, PER_SHARD))
        if not rows:
            break
        name = f"shard-{number:05d}.parquet"
        columns = [[getattr(row, field.name) for row in rows] for field in SCHEMA]
        with folder.writing(name) as path:
            pq.write_table(pa.table(columns, schema=SCHEMA), path, compression="zstd")
            entries.append(ManifestFile.of(path, name, len(rows)))
        documents.update(row.document_id for row in rows)
        masks = token_filter.masks([row.token_ids for row in rows])
        text = int(masks.is_text_R.sum())
        n_tokens, n_special = n_tokens + text, n_special + len(masks.is_text_R) - text
        n_skipped += text - int(masks.is_read_R.sum())
    if n_tokens + n_special < context_length:
        for entry in entries:
            folder.remove(entry.name)
        raise EmptyCorpus(
            f"corpus {source!r} holds {n_tokens:,} tokens in {len(documents)} documents, less than one "
            f"context of {context_length}: add text or lower context_length in the model card"
        )
    if n_tokens == n_skipped:
        for entry in entries:
            folder.remove(entry.name)
        raise EmptyCorpus(
            f"corpus {source!r}: skip_first={token_filter.frame.skip_first} leaves none of its "
            f"{n_tokens:,} text tokens to read, for its contexts are too short: lower skip_first or take longer texts"
        )
    facts = {
        "source": source,
        "context_length": context_length,
        "n_documents": len(documents),
        "n_contexts": sum(e.rows for e in entries),
        "n_tokens": n_tokens,
        "n_special": n_special,
        "n_skipped": n_skipped,
        "special_ids": sorted(token_filter.special_ids),
        "prefix": token_filter.frame.prefix,
        "suffix": token_filter.frame.suffix,
        "skip_first": token_filter.frame.skip_first,
    }
    manifest = Manifest(identity, tuple(entries), facts)
    manifest.write(folder)
    return manifest


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
        return self.manifest.rows

    @cached_property
    def token_filter(self) -> TokenFilter:
        """Which of the tokens have activations."""
        facts = self.manifest.facts
        frame = SpecialTokens(tuple(facts["prefix"]), tuple(facts["suffix"]), facts["skip_first"])
        return TokenFilter(frozenset(facts["special_ids"]), frame)

    @cached_property
    def document_ids(self) -> list[str]:
        """The document of every context, by context id."""
        tables = (self._table(number, ["document_id"]) for number in range(len(self.manifest.files)))
        return list(chain.from_iterable(table.column(0).to_pylist() for table in tables))

    def _table(self, number: int, columns: list[str] | None = None) -> pa.Table:
        with self.folder.reading(self.manifest.files[number].name) as path:
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
        """The contexts asked for, in the order asked; each file that holds some is read once."""
        ids = list(context_ids)
        shards = {number: self.shard(number) for number in sorted({i // PER_SHARD for i in ids})}
        return [shards[i // PER_SHARD][i % PER_SHARD] for i in ids]

    def __iter__(self) -> Iterator[Context]:
        return chain.from_iterable(self.shard(number) for number in range(len(self.manifest.files)))
