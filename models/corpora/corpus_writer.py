"""Writes a corpus: its contexts in shards, and its documents with their split."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from models.corpora.contexts import DOCUMENT_SCHEMA, DOCUMENTS, PER_SHARD, SCHEMA, Context, EmptyCorpus
from models.corpora.document_split import document_split
from models.corpora.near_copies import NearCopies
from models.corpora.token_filter import TokenFilter
from storage.folder import Folder
from storage.manifest import Manifest, ManifestFile


def write_corpus(
    folder: Folder,
    contexts: Iterable[Context],
    identity: dict[str, Any],
    token_filter: TokenFilter,
    *,
    source: str,
    context_length: int,
    more_facts: Callable[[], Mapping[str, Any]] = dict,
) -> Manifest:
    """Writes a corpus, whole or not at all; `facts` of its manifest have its source and length of contexts, and count
    documents, those that are held out and those that have near copies, contexts, text tokens, special tokens and the
    text tokens that `skip_first` leaves out.

    Args:
        more_facts: What is known besides once all contexts are drawn.

    Raises:
        EmptyCorpus: If there is no text, or less of it than one context holds.
        OneDocument: If none could be held out.
    """
    written = _Written(folder, token_filter)
    try:
        iterator = iter(contexts)
        while rows := list(islice(iterator, PER_SHARD)):
            written.shard(rows)
        written.check(source, context_length)
        facts = (
            {"source": source, "context_length": context_length}
            | written.facts()
            | written.documents()
            | dict(more_facts())
        )
    except BaseException:
        for entry in written.entries:
            folder.remove(entry.name)
        raise
    manifest = Manifest(identity, tuple(written.entries), facts)
    manifest.write(folder)
    return manifest


@dataclass
class _Written:
    """What has been written so far."""

    folder: Folder
    token_filter: TokenFilter
    entries: list[ManifestFile] = field(default_factory=list)
    n_special: int = 0
    n_text: int = 0
    n_skipped: int = 0
    near_copies: NearCopies = field(default_factory=NearCopies)
    tokens: dict[str, int] = field(default_factory=dict)
    """Of each document."""
    _open: list[Context] = field(default_factory=list)
    """Contexts of the last document, which may go on in the next shard."""

    def shard(self, rows: list[Context]) -> None:
        columns = [[getattr(row, field.name) for row in rows] for field in SCHEMA]
        self._file(f"shard-{len(self.entries):05d}.parquet", pa.table(columns, schema=SCHEMA))
        masks = self.token_filter.masks([row.token_ids for row in rows])
        n_text = int(masks.is_text_R.sum())
        self.n_text, self.n_special = self.n_text + n_text, self.n_special + len(masks.is_text_R) - n_text
        self.n_skipped += n_text - int(masks.is_read_R.sum())
        for row in rows:
            if self._open and self._open[0].document_id != row.document_id:
                self._close()
            self._open.append(row)

    def _close(self) -> None:
        """Takes in the document that has ended."""
        frame = self.token_filter.frame
        parts = [row.token_ids[len(frame.prefix) : len(row.token_ids) - len(frame.suffix)] for row in self._open]
        name, tokens = self._open[0].document_id, np.concatenate(parts)
        self.near_copies.add(name, tokens)
        self.tokens[name] = len(tokens)
        self._open = []

    def _file(self, name: str, table: pa.Table) -> None:
        with self.folder.writing(name) as path:
            pq.write_table(table, path, compression="zstd")
            self.entries.append(ManifestFile.of(path, name, table.num_rows))

    def check(self, source: str, context_length: int) -> None:
        """Raises EmptyCorpus if there is too little to read."""
        if self._open:
            self._close()
        held, frame = self.n_text + self.n_special, self.token_filter.frame
        if held < context_length:
            raise EmptyCorpus(
                f"corpus {source!r} holds {held:,} tokens in {len(self.tokens)} documents, less than one "
                f"context of {context_length}: add text or lower context_length in the model card"
            )
        if self.n_text == self.n_skipped:
            raise EmptyCorpus(
                f"corpus {source!r}: skip_first={frame.skip_first} leaves none of its {self.n_text:,} "
                "text tokens to read, for its contexts are too short: lower skip_first or take longer texts"
            )

    def facts(self) -> dict[str, Any]:
        frame = self.token_filter.frame
        return {
            "n_documents": len(self.tokens),
            "n_contexts": sum(entry.rows for entry in self.entries),
            "n_tokens": self.n_text,
            "n_special": self.n_special,
            "n_skipped": self.n_skipped,
            "special_ids": sorted(self.token_filter.special_ids),
            "prefix": frame.prefix,
            "suffix": frame.suffix,
            "skip_first": frame.skip_first,
        }

    def documents(self) -> dict[str, Any]:
        """Writes the documents with their split, and returns what is to be counted of them."""
        group_of = self.near_copies.groups()
        split = document_split(group_of)
        names, n_tokens = list(self.tokens), list(self.tokens.values())
        groups, is_held_out = [group_of[name] for name in names], [name in split.held_out for name in names]
        self._file(DOCUMENTS, pa.table([names, n_tokens, groups, is_held_out], schema=DOCUMENT_SCHEMA))
        sizes = dict(zip(*np.unique(groups, return_counts=True), strict=True))
        return {
            "n_held_out": len(split.held_out),
            "n_held_out_tokens": sum(self.tokens[name] for name in split.held_out),
            "n_near_copies": sum(int(sizes[group]) > 1 for group in groups),
            "near_copies_apart": split.near_copies_apart,
        }
