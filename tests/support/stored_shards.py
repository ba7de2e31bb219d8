"""Builds stored activations for tests."""

import torch

from models.activations.shards import ActivationBatch, ActivationShards, write_shard
from storage.folder import Folder
from storage.manifest import Manifest, ManifestFile


def some_batch(rows: int, width: int, dtype: torch.dtype, first: int = 0) -> ActivationBatch:
    chance = torch.Generator().manual_seed(first)
    x_TD = torch.randn(rows, width, generator=chance).to(dtype)
    return ActivationBatch(x_TD, torch.arange(rows) // 7 + first, torch.arange(rows) % 7, torch.arange(rows) * 3)


def store_shards(folder: Folder, batches: list[ActivationBatch], dtype: str) -> ActivationShards:
    entries = []
    for number, batch in enumerate(batches):
        name = f"shard-{number:05d}.parquet"
        with folder.writing(name) as path:
            write_shard(path, batch, {"site": "resid_post.1"})
            entries.append(ManifestFile.of(path, name, len(batch.token_T)))
    Manifest({}, tuple(entries), {"dtype": dtype, "width": batches[0].x_TD.shape[1]}).write(folder)
    return ActivationShards.open(folder)
