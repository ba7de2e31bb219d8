"""Which features of two dictionaries of one site are the same, and into how many a feature splits in the wider one.

Matched by cosine of decoder directions (mean max cosine similarity: Sharkey et al. 2022; feature splitting: Bricken et
al. 2023).

Axes: F features of this dictionary, B of them at a time, G features of the other, D width.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from models.features.nearest_features import TILE
from storage.table_schemas.feature_match import SCHEMA as FEATURE_MATCH

SAME_FEATURE_COSINE = 0.7
"""Cosine above which a feature counts as found again."""


@dataclass(frozen=True, slots=True)
class FeatureMatches:
    """For each feature its likest in the other dictionary; ties go to the lower id."""

    other_F: Tensor
    cosine_F: Tensor
    """-inf where the feature, or every one of the other dictionary, has no direction."""
    is_mutual_F: Tensor
    """The feature is in turn the likest to its likest."""
    n_split_features_F: Tensor
    """Features of the other dictionary that this one is the likest to, with a cosine above SAME."""


def match_features(W_dec_FD: Tensor, other_GD: Tensor) -> FeatureMatches:
    """Compares two decoders, some rows at a time.

    Raises:
        ValueError: If their widths differ: they write to different sites.
    """
    if W_dec_FD.shape[1] != other_GD.shape[1]:
        raise ValueError(
            f"decoders of widths {W_dec_FD.shape[1]} and {other_GD.shape[1]} cannot be compared: match dictionaries "
            "that write to one site"
        )
    unit_FD, there_F = _directions(W_dec_FD)
    unit_GD, there_G = _directions(other_GD)
    best_G, of_G = unit_GD.new_full((len(unit_GD),), -torch.inf), torch.zeros_like(there_G, dtype=torch.int64)
    best_F, of_F = [], []
    together = max(1, TILE.get(unit_FD.device.type, TILE["cpu"]) // len(unit_GD))
    for first in range(0, len(unit_FD), together):
        rows = slice(first, first + together)
        cosine_BG = unit_FD[rows] @ unit_GD.T
        cosine_BG[~there_F[rows]] = -torch.inf
        cosine_BG[:, ~there_G] = -torch.inf
        values_G, rows_G = cosine_BG.max(dim=0)
        better_G = values_G > best_G
        best_G, of_G = torch.where(better_G, values_G, best_G), torch.where(better_G, first + rows_G, of_G)
        values_B, others_B = cosine_BG.max(dim=1)
        best_F.append(values_B)
        of_F.append(others_B)
    cosine_F, other_F = torch.cat(best_F), torch.cat(of_F)
    is_mutual_F = (of_G[other_F] == torch.arange(len(unit_FD), device=other_F.device)) & cosine_F.isfinite()
    children_F = torch.bincount(of_G[best_G > SAME_FEATURE_COSINE], minlength=len(unit_FD))
    return FeatureMatches(other_F, cosine_F, is_mutual_F, children_F)


def _directions(W_dec_FD: Tensor) -> tuple[Tensor, Tensor]:
    unit_FD = torch.nn.functional.normalize(W_dec_FD.detach().float(), dim=1)
    return unit_FD, unit_FD.any(dim=1)


def match_rows(other_recipe_id: str, matches: FeatureMatches) -> pa.Table:
    """Grain: a feature that has a direction; the columns of the table `feature_match` but its partition's keys."""
    feature = np.flatnonzero(matches.cosine_F.isfinite().cpu().numpy())
    other, cosine, mutual, children = (
        values_F.cpu().numpy()[feature]
        for values_F in (matches.other_F, matches.cosine_F.double(), matches.is_mutual_F, matches.n_split_features_F)
    )
    columns = {
        "other_recipe_id": [other_recipe_id] * len(feature),
        "feature_id": feature,
        "other_feature_id": other,
        "cosine": cosine,
        "is_mutual": mutual,
        "n_split_features": children,
    }
    return pa.table(columns, schema=FEATURE_MATCH)
