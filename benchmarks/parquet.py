"""Activation shards against numpy.save and numpy.load of the same bytes, 200,000 x 512 bfloat16."""

import tempfile
from pathlib import Path

import numpy as np
import torch

from benchmarks.side_by_side import medians, table
from models.activations.shards import ActivationBatch, ActivationShards, write_shard
from storage.folder import Folder
from storage.manifest import Manifest, ManifestFile

ROWS, WIDTH = 200_000, 512


def main() -> None:
    batch = ActivationBatch(torch.randn(ROWS, WIDTH).bfloat16(), *(torch.arange(ROWS) for _ in range(3)))
    with tempfile.TemporaryDirectory() as directory:
        shard, plain = Path(directory) / "shard.parquet", Path(directory) / "plain.npy"
        vectors = batch.x_TD.view(torch.int16).numpy()
        megabytes = vectors.nbytes / 1e6
        written = medians(
            {"numpy.save": lambda: np.save(plain, vectors), "write_shard": lambda: write_shard(shard, batch, {})}
        )
        table(written, "numpy.save", megabytes, "MB")
        manifest = Manifest({}, (ManifestFile.of(shard, shard.name, ROWS),), {"dtype": "bfloat16", "width": WIDTH})
        shards = ActivationShards(Folder(directory), manifest)
        read = medians(
            {"numpy.load": lambda: np.load(plain).sum(dtype=np.int64), "ActivationShards.shard": lambda: _sum(shards)}
        )
        table(read, "numpy.load", megabytes, "MB")


def _sum(shards: ActivationShards) -> int:
    return int(shards.shard(0).x_TD.view(torch.int16).numpy().sum(dtype=np.int64))
