"""What every corpus source can do, and the count of what it met while it was read."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

from models.corpora.documents import AnyDocument
from models.corpora.left_out import LeftOut

KINDS = (
    "`stdlib`, a file, folder or glob of text, JSONL, JSON, CSV or Parquet (local or s3://…), or "
    "hf:name[/config][:split]"
)


@dataclass(slots=True)
class ReadReport:
    """What a source has met so far: counts grow while its documents are drawn, and begin anew with each drawing."""

    n_documents: int = 0
    n_bytes: int = 0
    """Of text given out, as UTF-8; token ids are four bytes each."""
    left_out: LeftOut = field(default_factory=LeftOut)

    def __str__(self) -> str:
        told = f"{self.n_documents:,} documents, {self.n_bytes:,} bytes of text"
        return f"{told}; {self.left_out}" if self.left_out.counts else told


class CorpusSource(Protocol):
    """A corpus before any tokenizer has seen it.

    The order of documents depends on names alone. Files come in hash order, so that the first million tokens are a
    fair sample of the whole; the rows and pieces of one file come as they stand in it.
    """

    @property
    def report(self) -> ReadReport:
        """What the last drawing has met so far."""
        ...

    def documents(self) -> Iterator[AnyDocument]:
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
    shown = ", ".join(map(repr, names[:20])) + (", …" if len(names) > 20 else "")
    return ValueError(
        f"{where} has no column {column!r}; its columns are {shown or 'none'}: name the one that holds text, "
        "conversations or token ids as corpus.text_column in the model card"
    )


def check_column(where: str, column: str, names: list[str]) -> None:
    """Raises ValueError unless exactly one column has the name."""
    if column not in names:
        raise missing_column(where, column, names)
    if names.count(column) > 1:
        raise ValueError(f"{where} has {names.count(column)} columns named {column!r}, wanted one: rename the others")
