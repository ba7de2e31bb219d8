"""Families: groups of features whose decoder directions point alike, from the vectors and not from a map of them.

Two features belong together where each is among the other's nearest and their cosine is above what chance gives; of
such chains average linkage keeps what is alike throughout. On planted families (30 of 12 at cosine .60 among 240
random directions) it finds the families; HDBSCAN does as well there and, on a trained dictionary of 4,096 features, put
70 % of them into one cluster, as chains of mutual neighbors alone do below a cosine of .3 (docs/log.md).

Axes: F features, D width, M members.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial.distance import squareform
from scipy.stats import t as student
from torch import Tensor

from models.features.feature_families_config import FeatureFamilySettings
from models.features.nearest_features import nearest_by_cosine

ABOVE_CHANCE = 1.5
LARGEST_CHAIN = 20_000
"""Features of a chain whose mutual cosines are held at once."""


@dataclass(frozen=True, slots=True)
class Families:
    """Families, the largest first; of each member its cosine to the family's mean direction."""

    family_F: np.ndarray
    """−1 where a feature stands in none."""
    score_F: np.ndarray
    least_cosine: float


def chance_cosine(n_features: int, width: int) -> float:
    """The median of the largest cosine that one of so many random directions has with the others: in D dimensions
    cosine * sqrt((D - 1) / (1 - cosine^2)) has Student's distribution with D - 1 degrees of freedom."""
    t = float(student.ppf(0.5 ** (1 / max(n_features, 2)), max(width - 1, 1)))
    return t / math.sqrt(max(width - 1, 1) + t * t)


@torch.no_grad()
def feature_families(W_dec_FD: Tensor, is_dead_F: np.ndarray, settings: FeatureFamilySettings) -> Families:
    """Groups the live features of a dictionary.

    Raises:
        ValueError: If so many features chain up that they cannot be compared with each other at once.
    """
    unit_FD = torch.nn.functional.normalize(W_dec_FD.float(), dim=1)
    unit_FD[torch.from_numpy(is_dead_F).to(unit_FD.device)] = 0
    n_live = int((~is_dead_F).sum())
    least = settings.least_cosine
    if least == "auto":
        least = min(0.95, ABOVE_CHANCE * chance_cosine(n_live, unit_FD.shape[1]))
    chain_F = _chains(unit_FD, settings.neighbors, least)
    family_F = np.full(len(unit_FD), -1)
    for chain, size in enumerate(np.bincount(chain_F)):
        if size >= settings.fewest_members:
            members = np.flatnonzero(chain_F == chain)
            family_F[members] = _linked(unit_FD[torch.from_numpy(members)], least) + family_F.max() + 1
    sizes = np.bincount(family_F[family_F >= 0], minlength=1)
    family_F[np.isin(family_F, np.flatnonzero(sizes < settings.fewest_members))] = -1
    return Families(*_ordered(_joined(family_F, unit_FD, least), unit_FD), least)


def _chains(unit_FD: Tensor, n: int, least: float) -> np.ndarray:
    """Which chain of mutual neighbors each feature belongs to."""
    rows, columns = [], []
    for first, value_BN, other_BN in nearest_by_cosine(unit_FD, n):
        place, slot = np.nonzero(value_BN.cpu().numpy() > least)
        rows.append(first + place)
        columns.append(other_BN.cpu().numpy()[place, slot])
    row_M, column_M = np.concatenate(rows), np.concatenate(columns)
    near = csr_array((np.ones(len(row_M)), (row_M, column_M)), shape=(len(unit_FD), len(unit_FD)))
    return connected_components(csr_array(near.multiply(near.T)), directed=False)[1]


def _linked(unit_MD: Tensor, least: float) -> np.ndarray:
    """Parts of a chain whose mean cosine is at least so large, numbered from 0."""
    if len(unit_MD) > LARGEST_CHAIN:
        raise ValueError(
            f"{len(unit_MD):,} features chain up at a cosine of {least:.2f}, wanted at most {LARGEST_CHAIN:,}: raise "
            "feature_families.least_cosine in the recipe"
        )
    distance_MM = (1 - unit_MD @ unit_MD.T).clamp(0, 2).double().cpu().numpy()
    np.fill_diagonal(distance_MM, 0)
    tree = linkage(squareform(distance_MM, checks=False), "average")
    return fcluster(tree, 1 - least, "distance") - 1


def _joined(family_F: np.ndarray, unit_FD: Tensor, least: float) -> np.ndarray:
    """Features that stand in no chain join the family to whose members their mean cosine is large enough."""
    names = np.unique(family_F[family_F >= 0])
    apart = np.flatnonzero(family_F == -1)
    if not len(names) or not len(apart):
        return family_F
    mean_ND = torch.stack([unit_FD[torch.from_numpy(np.flatnonzero(family_F == name))].mean(0) for name in names])
    cosine_M, family_M = (unit_FD[torch.from_numpy(apart)] @ mean_ND.T).max(dim=1)
    joined_F = family_F.copy()
    joined_F[apart] = np.where(cosine_M.cpu().numpy() >= least, names[family_M.cpu().numpy()], -1)
    return joined_F


def _ordered(family_F: np.ndarray, unit_FD: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Families, the largest first, and the cosine of each member to the mean of its own."""
    names, first, size = np.unique(family_F[family_F >= 0], return_index=True, return_counts=True)
    ordered_F, score_F = np.full(len(family_F), -1), np.full(len(family_F), np.nan)
    for number, name in enumerate(names[np.lexsort((first, -size))]):
        members = np.flatnonzero(family_F == name)
        rows_MD = unit_FD[torch.from_numpy(members)]
        mean_D = torch.nn.functional.normalize(rows_MD.mean(0), dim=0)
        ordered_F[members], score_F[members] = number, (rows_MD @ mean_D).clamp(-1, 1).cpu().numpy()
    return ordered_F, score_F
