"""What every corpus source can do, and the count of what it met while it was read."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

from models.corpora.documents import Document

KINDS = "`stdlib`, a file, folder or glob of text, JSONL or Parquet (local or s3://…), or hf:name[/config][:split]"
NAMES_KEPT = 10


@dataclass(slots=True)
class ReadReport:
    """What a source has met so far: counts grow while its documents are drawn, and begin anew with each drawing."""

    n_documents: int = 0
    n_bytes: int = 0
    """Of text given out, as UTF-8."""
    n_empty: int = 0
    """Files and rows without any text, left out."""
    n_binary: int = 0
    """Files with a NUL byte near their beginning: images, archives, weights. Left out."""
    n_undecodable: int = 0
    """Files that are not UTF-8, left out."""
    undecodable: list[str] = field(default_factory=list)
    """Names of the first of them."""

    def give(self, document_id: str, text: str | None) -> Iterator[Document]:
        """Counts one text, and yields it as a document unless it is blank."""
        if text is None or not text.strip():
            self.n_empty += 1
            return
        self.n_documents += 1
        self.n_bytes += len(text.encode("utf-8", errors="surrogatepass"))
        yield Document(document_id, text)

    def refuse(self, name: str) -> None:
        """Counts one file that is not UTF-8."""
        self.n_undecodable += 1
        if len(self.undecodable) < NAMES_KEPT:
            self.undecodable.append(name)

    def __str__(self) -> str:
        told = f"{self.n_documents:,} documents, {self.n_bytes:,} bytes of text"
        if self.n_empty:
            told += f"; {self.n_empty:,} left out as empty"
        if self.n_binary:
            told += f"; {self.n_binary:,} left out as binary"
        if self.n_undecodable:
            more = ", …" if self.n_undecodable > len(self.undecodable) else ""
            told += f"; {self.n_undecodable:,} left out as not UTF-8: {', '.join(self.undecodable)}{more}"
        return told


class CorpusSource(Protocol):
    """A corpus before any tokenizer has seen it.

    The order of documents depends on names alone. Files come in hash order, so that the first million tokens are a
    fair sample of the whole; the rows and pieces of one file come as they stand in it.
    """

    @property
    def report(self) -> ReadReport:
        """What the last drawing has met so far."""
        ...

    def documents(self) -> Iterator[Document]:
        """All documents, streamed.

        Raises:
            EmptyCorpus: At the end, if there was none.
            ValueError: Where a file cannot be read as what its name says, or rows lack the column of text.
        """
        ...

    def sha256(self) -> str:
        """A fingerprint of all that could be read: equal where the documents are, another when any of them changes."""
        ...


def missing_column(where: str, column: str, names: list[str]) -> ValueError:
    return ValueError(
        f"{where} has no column {column!r}; its columns are {', '.join(map(repr, names)) or 'none'}: "
        "name the one that holds the text as corpus.text_column in the model card"
    )
