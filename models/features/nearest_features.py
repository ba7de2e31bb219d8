"""Which features point alike, and which fire on the same tokens.

Axes: F features, B of them at a time, D width, N kept.
"""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from models.features.coactivation import COUNT_BYTES, CodesFactory, cofiring_counts
from models.numerics.stable_topk import stable_topk
from storage.table_schemas.neighbor import SCHEMA as NEIGHBOR

TILE = {"cpu": 2**23, "cuda": 2**28}
"""Similarities held at once."""

Block = tuple[int, Tensor, Tensor]
"""First feature of some, and values and ids of the nearest others of each (B, N); -inf says that there is none."""


def nearest_by_cosine(W_dec_FD: Tensor, n: int) -> Iterator[Block]:
    """Nearest by cosine between decoder directions, ties to the lower id; a feature without direction has none."""
    with torch.no_grad():
        unit_FD = torch.nn.functional.normalize(W_dec_FD.float(), dim=1)
        there_F = unit_FD.any(dim=1)
        for first, rows_B in _rows(len(unit_FD), unit_FD.device):
            cosine_BF = unit_FD[rows_B] @ unit_FD.T
            cosine_BF[:, ~there_F] = -torch.inf
            cosine_BF[~there_F[rows_B]] = -torch.inf
            yield first, *_nearest(cosine_BF, rows_B, n)


def nearest_by_jaccard(codes: CodesFactory, n_features: int, n: int, memory: int = COUNT_BYTES) -> Iterator[Block]:
    """Nearest by Jaccard index of the tokens on which two features fire, over all tokens, ties to the lower id.

    Features that share no token are no neighbors.
    """
    for start, counts_BF, firings_F in cofiring_counts(codes, n_features, memory):
        for first, rows_B in _rows(len(counts_BF), counts_BF.device, n_features):
            shared_BF = counts_BF[rows_B].double()
            either_BF = firings_F[start + rows_B, None] + firings_F - shared_BF
            jaccard_BF = torch.where(shared_BF > 0, shared_BF / either_BF, -torch.inf)
            yield start + first, *_nearest(jaccard_BF, start + rows_B, n)


def _rows(n: int, device: torch.device, width: int | None = None) -> Iterator[tuple[int, Tensor]]:
    together = max(1, TILE.get(device.type, TILE["cpu"]) // (width or n))
    for first in range(0, n, together):
        yield first, torch.arange(first, min(first + together, n), device=device)


def _nearest(likeness_BF: Tensor, own_B: Tensor, n: int) -> tuple[Tensor, Tensor]:
    likeness_BF[torch.arange(len(own_B), device=own_B.device), own_B] = -torch.inf
    return stable_topk(likeness_BF, n)


def neighbor_rows(kind: str, blocks: Iterator[Block], model_id: str, recipe_id: str) -> pa.Table:
    """Grain: a feature near another of its dictionary; the columns of the table `neighbor` but its partition's keys."""
    parts = []
    for first, values_BN, others_BN in blocks:
        values, others = values_BN.double().cpu().numpy(), others_BN.cpu().numpy()
        row, rank = np.nonzero(values > -np.inf)
        parts.append((first + row, rank, others[row, rank], values[row, rank]))
    feature, rank, other, value = (np.concatenate(column) for column in zip(*parts, strict=True))
    return pa.Table.from_pydict(
        {
            "feature_id": pa.array(feature, pa.int32()),
            "kind": pa.array([kind] * len(rank), pa.string()),
            "rank": pa.array(rank, pa.int32()),
            "other_model_id": pa.array([model_id] * len(rank), pa.string()),
            "other_recipe_id": pa.array([recipe_id] * len(rank), pa.string()),
            "other_feature_id": pa.array(other, pa.int32()),
            "value": pa.array(value, pa.float64()),
        },
        schema=NEIGHBOR,
    )
