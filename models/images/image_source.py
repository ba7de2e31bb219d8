"""Where images come from: a folder or glob of files, Parquet with a column of images, or a dataset of the hub."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, Protocol

import pyarrow.parquet as pq

from models.corpora.contexts import EmptyCorpus
from models.corpora.left_out import LeftOut
from models.corpora.sources.files import FileCorpus, find_files
from models.corpora.sources.hf_datasets import HubDataset
from models.images.image_decoding import SUFFIXES
from models.numerics.hash_sampling import hash_rank
from storage.manifest import sha256_of

OF_FOLDER = "folder"
"""The value of `label` by which an image's label is the folder that its file lies in."""
MOST_BYTES = 256 << 20
"""Of one image file."""
_BATCH = 32


@dataclass(frozen=True, slots=True)
class ImageFile:
    """One image before it is decoded, and the name that it goes by on every machine."""

    name: str
    data: bytes
    label: str | None = None
    caption: str | None = None


@dataclass(frozen=True, slots=True)
class ImageColumns:
    """What the columns of rows are called; a label may be the folder of a file."""

    image: str = "image"
    label: str | None = None
    caption: str | None = None

    def facts(self) -> dict[str, Any]:
        return {"image": self.image, "label": self.label, "caption": self.caption}


class ImageSource(Protocol):
    """A corpus of images; their order depends on names alone."""

    @property
    def left_out(self) -> LeftOut:
        """Files and rows that the last drawing has met and not given out."""
        ...

    def images(self) -> Iterator[ImageFile]: ...

    def sha256(self) -> str:
        """A fingerprint of all images, and of how they are read."""
        ...


def open_images(spec: str, columns: ImageColumns) -> ImageSource:
    """The images that a card names; nothing of them is read yet.

    Raises:
        ValueError: If the path does not exist or holds no file, or a package is missing.
    """
    if spec.startswith("hf:"):
        return HubImages(HubDataset.parse(spec, columns.image), columns)
    return ImageFiles(find_files(spec, columns.image), columns)


@dataclass
class ImageFiles:
    """Image files and Parquet below one root, in the order of their names' hashes."""

    files: FileCorpus
    columns: ImageColumns
    left_out: LeftOut = field(default_factory=LeftOut)

    def images(self) -> Iterator[ImageFile]:
        self.left_out = LeftOut()
        known = [name for name in self.files.names if name.lower().endswith((*SUFFIXES, ".parquet"))]
        for name in sorted(set(self.files.names) - set(known)):
            self.left_out.add("no image by its name", name)
        if not known:
            raise EmptyCorpus(
                f"{self.files.spec!r} holds no image ({len(self.files.names):,} other files; {self.left_out}): name a "
                f"folder with {', '.join(SUFFIXES)} or Parquet with a column of images as images.source"
            )
        for name in sorted(known, key=hash_rank):
            with self.files.reading(name) as path:
                if name.lower().endswith(".parquet"):
                    yield from self._rows(name, path)
                elif path.stat().st_size > MOST_BYTES:
                    self.left_out.add(f"a file of more than {MOST_BYTES >> 20} MB", name)
                else:
                    yield ImageFile(name, path.read_bytes(), self._folder_of(name))

    def _folder_of(self, name: str) -> str | None:
        above = PurePosixPath(name).parent.name
        return above or None if self.columns.label == OF_FOLDER else None

    def _rows(self, name: str, path: Any) -> Iterator[ImageFile]:
        file, wanted = pq.ParquetFile(path), self.columns.facts()
        if wanted["label"] == OF_FOLDER:
            wanted["label"] = None
        for key, column in wanted.items():
            if column is not None and column not in file.schema_arrow.names:
                raise ValueError(
                    f"{self.files.root}/{name} has no column {column!r}; its columns are "
                    f"{', '.join(file.schema_arrow.names)}: correct images.{'column' if key == 'image' else key}"
                )
        names = [column for column in wanted.values() if column is not None]
        number = 0
        for batch in file.iter_batches(_BATCH, columns=names):
            for row in batch.to_pylist():
                if (image := _image_of(f"{name}#{number}", row, wanted, self.left_out)) is not None:
                    yield image
                number += 1

    def sha256(self) -> str:
        return sha256_of({"files": self.files.sha256(), "columns": self.columns.facts()})


@dataclass
class HubImages:
    """The rows of a dataset of the hub, images undecoded."""

    dataset: HubDataset
    columns: ImageColumns
    left_out: LeftOut = field(default_factory=LeftOut)

    def images(self) -> Iterator[ImageFile]:
        self.left_out = LeftOut()
        stem = self.dataset.spec.removeprefix("hf:").rsplit(":", 1)[0]
        rows, names = self.dataset.undecoded_images(self.columns.image, self.columns.label)
        for number, row in enumerate(rows):
            for column in (self.columns.image, self.columns.label, self.columns.caption):
                if column is not None and column not in row:
                    raise ValueError(
                        f"{self.dataset.spec!r} has no column {column!r}; its columns are {', '.join(row)}: correct "
                        "the card's images"
                    )
            row = _with_class_name(row, self.columns.label, names)
            name = f"{stem}:{self.dataset.split}#{number}"
            if (image := _image_of(name, row, self.columns.facts(), self.left_out)) is not None:
                yield image

    def sha256(self) -> str:
        return sha256_of({"dataset": self.dataset.sha256(), "columns": self.columns.facts()})


def _with_class_name(row: dict[str, Any], label: str | None, names: list[str] | None) -> dict[str, Any]:
    """The row with the name of its class in place of the number, where the dataset has names."""
    number = row.get(label) if label is not None else None
    if label is None or names is None or not isinstance(number, int) or not 0 <= number < len(names):
        return row
    return row | {label: names[number]}


def _image_of(name: str, row: Mapping[str, Any], wanted: Mapping[str, Any], left_out: LeftOut) -> ImageFile | None:
    """The image of a row: bytes, or the struct of bytes and path that `datasets` writes."""
    cell = row[wanted["image"]]
    data = cell.get("bytes") if isinstance(cell, dict) else cell
    if not isinstance(data, bytes):
        left_out.add("a row without bytes of an image", name)
        return None
    label, caption = (row[wanted[key]] if wanted[key] is not None else None for key in ("label", "caption"))
    return ImageFile(name, data, *(None if value is None else str(value) for value in (label, caption)))
