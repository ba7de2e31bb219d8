"""A corpus of images as one model sees them: bytes of its input beside names, labels and small pictures for pages.

What the model sees is stored, resized and cropped by its own preprocessing, so that every later stage feeds it the same
pixels and every box on a page is in their coordinates. The originals are not needed again.

B images of a batch, H rows, W columns.
"""

import hashlib
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from PIL import Image
from torch import Tensor

from models.corpora.contexts import EmptyCorpus
from models.corpora.document_split import document_split
from models.corpora.left_out import LeftOut
from models.images.image_decoding import UnreadableImage, decoded
from models.images.image_source import ImageFile, ImageSource
from models.numerics.hash_sampling import hash_rank
from models.vision_model.image_preprocessing import ImagePreprocessing
from storage.folder import Folder
from storage.manifest import Manifest, ManifestFile
from storage.storable_text import storable

PER_FILE = 64
INDEX = "images.parquet"
THUMB_SIDE = 224
LONGEST_LABEL = 300
INDEX_SCHEMA = pa.schema(
    [
        ("image_id", pa.int64()),
        ("document_id", pa.string()),
        ("sha256", pa.string()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("label", pa.string()),
        ("caption", pa.string()),
        ("is_held_out", pa.bool_()),
        ("thumb", pa.binary()),
    ]
)


@dataclass
class _Written:
    """What has been written so far."""

    folder: Folder
    preprocessing: ImagePreprocessing
    entries: list[ManifestFile] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)
    waiting: list[Image.Image] = field(default_factory=list)

    def add(self, file: ImageFile, image: Image.Image, sha256: str) -> None:
        width, height = image.size
        self.rows.append(
            {
                "image_id": len(self.rows),
                "document_id": storable(file.name),
                "sha256": sha256,
                "width": width,
                "height": height,
                "label": None if file.label is None else storable(file.label)[:LONGEST_LABEL],
                "caption": None if file.caption is None else storable(file.caption)[:LONGEST_LABEL],
            }
        )
        self.waiting.append(image)
        if len(self.waiting) == PER_FILE:
            self.flush()

    def flush(self) -> None:
        """Writes the images that wait as one file, and keeps their small pictures."""
        if not self.waiting:
            return
        views_BHWC = self.preprocessing.views(self.waiting).numpy()
        first = len(self.rows) - len(self.waiting)
        for number, view_HWC in enumerate(views_BHWC):
            self.rows[first + number]["thumb"] = thumbnail(view_HWC)
        name = f"views-{len(self.entries):05d}.parquet"
        table = pa.table(
            {"image_id": np.arange(first, len(self.rows)), "view": pa.array([v.tobytes() for v in views_BHWC])}
        )
        with self.folder.writing(name) as path:
            pq.write_table(table, path, compression="zstd", use_dictionary=False, write_statistics=False)
            self.entries.append(ManifestFile.of(path, name, table.num_rows))
        self.waiting = []


def thumbnail(view_HWC: np.ndarray) -> bytes:
    """A small JPEG made of pixels alone: nothing else of the file that they came from is in it."""
    image, out = Image.fromarray(view_HWC), io.BytesIO()
    image.thumbnail((THUMB_SIDE, THUMB_SIDE))
    image.save(out, "JPEG", quality=85)
    return out.getvalue()


def write_image_corpus(
    folder: Folder,
    source: ImageSource,
    preprocessing: ImagePreprocessing,
    identity: dict[str, Any],
    *,
    spec: str,
    max_images: int,
    smallest_side: int,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> Manifest:
    """Writes the images of a source as a model sees them, whole or not at all; what is left out is counted by reason.

    Raises:
        EmptyCorpus: If no image can be read.
        OneDocument: If there is one alone, so that none could be held out.
    """
    written, unread, seen = _Written(folder, preprocessing), LeftOut(), set[str]()
    try:
        for file in source.images():
            if len(written.rows) >= max_images:
                break
            sha256 = hashlib.sha256(file.data).hexdigest()
            if sha256 in seen:
                unread.add("a copy of an image before it", file.name)
                continue
            seen.add(sha256)
            try:
                written.add(file, decoded(file.data, smallest_side), sha256)
            except UnreadableImage as error:
                unread.add(str(error), file.name)
            report(len(written.rows), max_images)
        written.flush()
        left_out = source.left_out | unread
        if not written.rows:
            raise EmptyCorpus(
                f"{spec!r} holds no image that can be read ({left_out}): name other files in images.source"
            )
        facts = _facts(written, left_out, spec)
    except BaseException:
        for entry in written.entries:
            folder.remove(entry.name)
        raise
    manifest = Manifest(identity, tuple(written.entries), facts)
    manifest.write(folder)
    return manifest


def _facts(written: _Written, left_out: LeftOut, spec: str) -> dict[str, Any]:
    """Writes the index with the split, and returns what is counted."""
    names = [row["document_id"] for row in written.rows]
    split = document_split({name: name for name in names})
    rows = [row | {"is_held_out": row["document_id"] in split.held_out} for row in written.rows]
    with written.folder.writing(INDEX) as path:
        pq.write_table(pa.Table.from_pylist(rows, schema=INDEX_SCHEMA), path, compression="zstd")
        written.entries.append(ManifestFile.of(path, INDEX, len(rows)))
    return {
        "source": spec,
        "n_documents": len(rows),
        "n_contexts": len(rows),
        "n_held_out": len(split.held_out),
        "n_labels": len({row["label"] for row in rows} - {None}),
        "height": written.preprocessing.height,
        "width": written.preprocessing.width,
        "left_out": left_out.facts(),
    }


@dataclass(frozen=True)
class ImageCorpus:
    """A finished corpus of images."""

    folder: Folder
    manifest: Manifest

    @classmethod
    def open(cls, folder: Folder) -> "ImageCorpus":
        manifest = Manifest.read(folder)
        if manifest is None:
            raise FileNotFoundError(f"{folder} holds no finished corpus of images: materialize `corpus` for its model")
        manifest.check(folder, content=False)
        return cls(folder, manifest)

    @property
    def n_images(self) -> int:
        return int(self.manifest.facts["n_contexts"])

    @cached_property
    def index(self) -> pa.Table:
        """One row an image, by `INDEX_SCHEMA`."""
        [entry] = (entry for entry in self.manifest.files if entry.name == INDEX)
        with entry.reading(self.folder) as path:
            return pq.read_table(path)

    @cached_property
    def _lately(self) -> dict[int, Tensor]:
        return {}

    def _file(self, number: int) -> Tensor:
        """The views of one file; the last one read is kept."""
        if number not in self._lately:
            with self.manifest.files[number].reading(self.folder) as path:
                column = pq.read_table(path, columns=["view"]).column(0).combine_chunks()
            height, width = self.manifest.facts["height"], self.manifest.facts["width"]
            flat = np.frombuffer(column.buffers()[2], np.uint8, len(column) * height * width * 3)
            self._lately.clear()
            self._lately[number] = torch.from_numpy(flat.copy()).view(len(column), height, width, 3)
        return self._lately[number]

    def views(self, image_ids: Sequence[int]) -> Tensor:
        """What the model sees of images, in the order asked. Shape (B, H, W, 3), bytes."""
        return torch.stack([self._file(i // PER_FILE)[i % PER_FILE] for i in image_ids])

    def sample(self, most: int) -> list[int]:
        """All images, or of more than so many those whose names' hashes come first, in stored order."""
        names = self.index.column("document_id").to_pylist()
        order = sorted(range(len(names)), key=lambda image: (hash_rank(names[image], "sample"), image))
        return sorted(order[:most])

    def rows(self, image_ids: Sequence[int]) -> Iterator[Mapping[str, Any]]:
        """Of some images what the index says, small pictures included."""
        yield from self.index.take(pa.array(image_ids)).to_pylist()
