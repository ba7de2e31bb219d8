"""Datasets of the Hugging Face hub as a corpus, streamed row by row through the optional package `datasets`."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from models.corpora.contexts import EmptyCorpus
from models.corpora.documents import AnyDocument
from models.corpora.sources.base import ReadReport
from models.corpora.sources.cells import cell_of, contents
from models.corpora.sources.document_pieces import row_documents
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

    def documents(self) -> Iterator[AnyDocument]:
        self.report = ReadReport()
        stem = self.spec.removeprefix("hf:").rsplit(":", 1)[0]
        cells = (cell_of(row, self.column) for row in self.rows())
        rows = contents(cells, f"corpus {self.spec!r}", self.column)
        yield from row_documents(f"{stem}:{self.split}", rows, self.report)
        if not self.report.n_documents:
            raise EmptyCorpus(f"corpus {self.spec!r} holds no text ({self.report}): name another split or column")

    def rows(self) -> Iterator[dict[str, Any]]:
        """The rows as they are; raises ValueError if there is no such data set or split."""
        builder = self._builder()
        try:
            return iter(builder.as_streaming_dataset(split=self.split))
        except ValueError as error:
            raise ValueError(
                f"corpus {self.spec!r} has no split {self.split!r} ({error}): name one it has behind a colon"
            ) from error

    def undecoded_images(self, column: str, label: str | None) -> tuple[Iterator[dict[str, Any]], list[str] | None]:
        """The rows with a column of images left as bytes, and the names of a column of classes, where it has some."""
        rows: Any = self.rows()
        dataset: Any = self._builder().as_streaming_dataset(split=self.split)
        features = dataset.features or {}
        if type(features.get(column)).__name__ == "Image":
            rows = iter(dataset.cast_column(column, _datasets(self.spec).Image(decode=False)))
        return rows, getattr(features.get(label), "names", None)

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


def _datasets(spec: str) -> Any:
    try:
        import datasets
    except ImportError as error:
        raise ValueError(
            f"corpus {spec!r} wants the package `datasets`, which is not installed: "
            "install it with `.venv/bin/pip install -e '.[hf]'`, or name a file, a folder or `stdlib`"
        ) from error
    return datasets
