"""Activations of one site as Parquet shards: raw vectors beside the token they were read at.

`activation` is FIXED_LEN_BYTE_ARRAY(width x itemsize): the little-endian vector in the dtype that the schema's metadata
names, neither compressed nor dictionary-encoded nor given statistics, so that reading is one copy and viewing is none.

Axes: T tokens, D width of the site.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import torch
from torch import Tensor

from models.dtypes import DTYPES
from storage.folder import Folder
from storage.manifest import DamagedFile, Manifest

_AS_INTEGERS = {2: (torch.int16, pa.int16()), 4: (torch.int32, pa.int32())}
ROW_GROUP = 8192


@dataclass(frozen=True, slots=True)
class ActivationBatch:
    """Consecutive stored tokens of one site."""

    x_TD: Tensor
    context_T: Tensor
    position_T: Tensor
    token_T: Tensor


def as_bytes(x_TD: Tensor) -> pa.FixedSizeBinaryArray:
    """A view of contiguous vectors as Arrow's fixed-size binary, without a copy."""
    n, width = x_TD.shape
    integers = x_TD.contiguous().view(_AS_INTEGERS[x_TD.element_size()][0])
    return pa.FixedSizeBinaryArray.from_buffers(  # type: ignore[return-value]
        pa.binary(width * x_TD.element_size()), n, [None, pa.py_buffer(integers.numpy())]
    )


def as_tensor(column: pa.FixedSizeBinaryArray, dtype: torch.dtype) -> Tensor:
    """A view of stored vectors as a tensor, without a copy; it must not be written to."""
    itemsize = dtype.itemsize
    width, integer = column.type.byte_width // itemsize, _AS_INTEGERS[itemsize][1]
    values = pa.Array.from_buffers(
        integer, len(column) * width, [None, column.buffers()[1]], offset=column.offset * width
    )
    return torch.from_dlpack(values).view(dtype).view(len(column), width)


def write_shard(path: Path, batch: ActivationBatch, metadata: dict[str, str]) -> None:
    """Writes one shard to a local path; `metadata` gains the dtype."""
    dtype = next(name for name, kind in DTYPES.items() if kind == batch.x_TD.dtype)
    table = pa.table(
        {
            "context_id": pa.array(batch.context_T.numpy()),
            "position": pa.array(batch.position_T.int().numpy()),
            "token_id": pa.array(batch.token_T.int().numpy()),
            "activation": as_bytes(batch.x_TD),
        }
    ).replace_schema_metadata(metadata | {"dtype": dtype})
    options: dict[str, Any] = {"compression": "none", "use_dictionary": False, "write_statistics": False}
    pq.write_table(table, path, row_group_size=ROW_GROUP, **options)


def batch_of(table: pa.Table, dtype: torch.dtype) -> ActivationBatch:
    """The rows of a shard, its vectors as a view of the table."""
    x_TD = as_tensor(table.column("activation").chunk(0), dtype)
    names = ("context_id", "position", "token_id")
    return ActivationBatch(x_TD, *(torch.from_dlpack(table.column(name).chunk(0)).long() for name in names))


@dataclass(frozen=True, slots=True)
class ActivationShards:
    """The activations of one site in stored order: context ascending, position ascending, file after file."""

    folder: Folder
    manifest: Manifest

    @classmethod
    def open(cls, folder: Folder) -> "ActivationShards":
        """Opens a finished harvest.

        Raises:
            FileNotFoundError: If nothing was harvested there.
            DamagedFile: If a shard is missing or cut short, naming it and its sha256.
        """
        manifest = Manifest.read(folder)
        if manifest is None:
            raise FileNotFoundError(
                f"{folder} holds no finished harvest: materialize `activations` for a model that reads this site"
            )
        manifest.check(folder, content=False)
        return cls(folder, manifest)

    @property
    def width(self) -> int:
        return int(self.manifest.facts["width"])

    @property
    def dtype(self) -> torch.dtype:
        return DTYPES[self.manifest.facts["dtype"]]

    @property
    def n_tokens(self) -> int:
        return self.manifest.rows

    def shard(self, number: int) -> ActivationBatch:
        """A whole shard; its vectors are a view of what was read.

        Raises:
            DamagedFile: If the shard was altered, naming it and its sha256, or has not the rows that its manifest says.
        """
        entry = self.manifest.files[number]
        with entry.reading(self.folder) as path:
            table = pq.read_table(path, memory_map=self.folder.is_local).combine_chunks()
        content = (table.schema.field("activation").type, table.num_rows)
        expected = (pa.binary(self.width * self.dtype.itemsize), entry.rows)
        if content != expected:
            raise DamagedFile.of(
                self.folder,
                f"{entry.name} holds {content[1]:,} rows of {content[0]}, its manifest says "
                f"{expected[1]:,} of {expected[0]} (width {self.width}, {self.manifest.facts['dtype']})",
                f"delete {self.folder} and materialize `activations` again",
            )
        return batch_of(table, self.dtype)

    def batches(self, rows: int) -> Iterator[ActivationBatch]:
        """All tokens in stored order, at most `rows` at a time; a batch never spans two shards."""
        for number in range(len(self.manifest.files)):
            whole = self.shard(number)
            parts = (t.split(rows) for t in (whole.x_TD, whole.context_T, whole.position_T, whole.token_T))
            yield from (ActivationBatch(*part) for part in zip(*parts, strict=True))
