"""Datasets of the Hugging Face hub as a corpus, streamed row by row through the optional package `datasets`."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from models.corpora.contexts import EmptyCorpus
from models.corpora.documents import Document
from models.corpora.sources.base import ReadReport, missing_column
from storage.manifest import sha256_of

_PART = r"\w[\w.-]*"
_SPEC = re.compile(rf"hf:(?P<name>{_PART}(?:/{_PART})?)(?:/(?P<config>{_PART}))?(?::(?P<split>\w+))?")


@dataclass
class HubDataset:
    """The rows of one split of one dataset, in their order; document = row, named `name[/config]:split#row`."""

    spec: str
    name: str
    config: str | None
    split: str
    column: str
    report: ReadReport = field(default_factory=ReadReport)

    @classmethod
    def parse(cls, spec: str, column: str) -> "HubDataset":
        """Reads `hf:owner/name[/config][:split]`; the split is `train` where none is named."""
        match = _SPEC.fullmatch(spec)
        if match is None:
            raise ValueError(
                f"corpus {spec!r} is not of the form hf:name[/config][:split]: correct it to something like "
                "hf:owner/dataset, hf:owner/dataset:validation or hf:owner/dataset/config:train"
            )
        _datasets(spec)
        return cls(spec, match["name"], match["config"], match["split"] or "train", column)

    def documents(self) -> Iterator[Document]:
        self.report = ReadReport()
        stem = self.spec.removeprefix("hf:").rsplit(":", 1)[0]
        for number, row in enumerate(self._rows()):
            if self.column not in row:
                raise missing_column(f"corpus {self.spec!r}", self.column, list(row))
            words = _words(row[self.column], self.spec, self.column)
            yield from self.report.give(f"{stem}:{self.split}#{number}", words)
        if not self.report.n_documents:
            raise EmptyCorpus(f"corpus {self.spec!r} holds no text ({self.report}): name another split or column")

    def _rows(self) -> Iterator[dict[str, Any]]:
        builder = self._builder()
        try:
            return iter(builder.as_streaming_dataset(split=self.split))
        except ValueError as error:
            raise ValueError(
                f"corpus {self.spec!r} has no split {self.split!r} ({error}): name one it has behind a colon"
            ) from error

    def _builder(self) -> Any:
        try:
            return _datasets(self.spec).load_dataset_builder(self.name, self.config)
        except (OSError, ValueError) as error:
            raise ValueError(
                f"corpus {self.spec!r} cannot be opened ({error}): check its name and config, and the network"
            ) from error

    def sha256(self) -> str:
        """Name and commit of the dataset, so that nothing is fetched."""
        request = {"name": self.name, "config": self.config, "split": self.split, "column": self.column}
        return sha256_of(request | {"commit": self._builder().hash})


def _words(cell: Any, spec: str, column: str) -> str | None:
    if cell is not None and not isinstance(cell, str):
        raise ValueError(
            f"corpus {spec!r}: column {column!r} holds {type(cell).__name__}, wanted text: name another text_column"
        )
    return cell


def _datasets(spec: str) -> Any:
    try:
        import datasets
    except ImportError as error:
        raise ValueError(
            f"corpus {spec!r} wants the package `datasets`, which is not installed: "
            "install it with `.venv/bin/pip install -e '.[hf]'`, or name a file, a folder or `stdlib`"
        ) from error
    return datasets
