"""Stored vectors come back bit for bit, as a view, and damage is named."""

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from stored_shards import some_batch, store_shards

from models.activations.shards import ActivationBatch, ActivationShards, as_bytes, as_tensor, write_shard
from models.dtypes import DTYPES
from storage.folder import Folder
from storage.manifest import DamagedFile, Manifest


@pytest.mark.parametrize("dtype", DTYPES)
def test_vectors_come_back_bit_for_bit(tmp_path, dtype):
    written = [some_batch(20_000, 6, DTYPES[dtype]), some_batch(11, 6, DTYPES[dtype], first=3000)]
    shards = store_shards(Folder(str(tmp_path)), written, dtype)
    read = list(shards.batches(4096))

    assert shards.n_tokens == 20_011
    assert shards.width == 6
    assert shards.dtype == DTYPES[dtype]
    for field in ("x_TD", "context_T", "position_T", "token_T"):
        wanted = torch.cat([getattr(batch, field) for batch in written])
        assert torch.equal(torch.cat([getattr(batch, field) for batch in read]), wanted), field


def test_any_parquet_reader_sees_little_endian_vectors(tmp_path):
    x_TD = torch.arange(12, dtype=torch.float32).view(3, 4)
    write_shard(tmp_path / "s.parquet", ActivationBatch(x_TD, *[torch.arange(3)] * 3), {"site": "embed"})
    table = pq.read_table(tmp_path / "s.parquet")
    column = pq.ParquetFile(tmp_path / "s.parquet").metadata.row_group(0).column(3)

    assert np.frombuffer(b"".join(table.column("activation").to_pylist()), "<f4").tolist() == list(range(12))
    assert table.schema.metadata[b"dtype"] == b"float32"
    assert (column.physical_type, column.compression, column.statistics) == (
        "FIXED_LEN_BYTE_ARRAY",
        "UNCOMPRESSED",
        None,
    )


def test_views_share_memory():
    x_TD = torch.randn(5, 3).bfloat16()
    column = as_bytes(x_TD)
    assert as_tensor(column, torch.bfloat16).data_ptr() == x_TD.data_ptr()
    assert torch.equal(as_tensor(column.slice(2), torch.bfloat16), x_TD[2:])


def test_a_flipped_bit_is_found(tmp_path):
    shards = store_shards(Folder(str(tmp_path)), [some_batch(50, 4, torch.float32)], "float32")
    path = tmp_path / "shard-00000.parquet"
    data = bytearray(path.read_bytes())
    data[600] ^= 1
    path.write_bytes(data)
    with pytest.raises(DamagedFile, match=f"shard-00000.parquet.*{shards.manifest.files[0].sha256}"):
        ActivationShards.open(shards.folder).shard(0)


def test_a_shard_of_another_width_is_refused(tmp_path):
    shards = store_shards(Folder(str(tmp_path)), [some_batch(50, 4, torch.float32)], "float32")
    wider = Manifest(shards.manifest.identity, shards.manifest.files, shards.manifest.facts | {"width": 8})
    with pytest.raises(
        DamagedFile, match=r"fixed_size_binary\[16\], its manifest says 50 of fixed_size_binary\[32\] \(width 8"
    ):
        ActivationShards(shards.folder, wider).shard(0)
