"""Families: units that answer to the same things, turned.

Every unit's tuning curves are turned until the one that it answers to most strongly peaks at 0, and are divided by its
strongest answer; what is left does not depend on the direction it prefers or on how strong it is. Units that are then
alike are a family (HDBSCAN, as for the map of features).

U units, K kinds of stimuli, A angles, S length of a signature.

Source: Cammarata et al. 2020, "Curve Detectors" and Olah et al. 2020, "Naturally Occurring Equivariance in Neural
Networks", distill.pub/2020/circuits, for the idea that such families are one detector under a rotation.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from models.numerics.cluster_numbers import numbered_by_size

FULL_TURN = 360.0
LEAST_MEMBERS = 3
LEAST_CORRELATION = 0.7
"""Of a member's signature with the mean of the others': units that have nothing in common are otherwise a family of
those that are unlike everything else."""
NEIGHBORS = 2
"""A unit is as dense as the distance to its second nearest says: a family may have few members."""


def signatures(curve_by_kind: Mapping[str, np.ndarray], period_by_kind: Mapping[str, float]) -> np.ndarray:
    """What units are compared by, (U, S).

    Args:
        curve_by_kind: For each kind of stimulus the rectified curves, (U, A); numbers of angles may differ.
        period_by_kind: Degrees after which the stimulus is the same again: 360, or 180.

    Returns:
        All curves of a unit behind each other, turned and scaled; 0 of a unit that answers to nothing.
    """
    strongest_U = np.stack([curves.max(1) for curves in curve_by_kind.values()]).max(0)
    angle_U = _own_angles(curve_by_kind, period_by_kind)
    parts = [
        np.stack([_turned(curve, -angle, period_by_kind[kind]) for curve, angle in zip(curves, angle_U, strict=True)])
        for kind, curves in curve_by_kind.items()
    ]
    whole_US = np.concatenate(parts, axis=1)
    return np.divide(whole_US, strongest_U[:, None], out=np.zeros_like(whole_US), where=strongest_U[:, None] > 0)


def unit_families(signature_US: np.ndarray, least_members: int = LEAST_MEMBERS) -> np.ndarray:
    """The family of each unit (U), the largest first; −1 where it is in none or answers to nothing."""
    from sklearn.cluster import HDBSCAN

    family_U = np.full(len(signature_US), -1)
    answers_U = signature_US.max(1) > 0
    if answers_U.sum() < max(least_members, NEIGHBORS + 1):
        return family_U
    settings: dict[str, Any] = {"min_samples": NEIGHBORS, "copy": True}
    found = HDBSCAN(least_members, **settings)
    family_U[answers_U] = found.fit_predict(signature_US[answers_U])
    for family in range(int(family_U.max()) + 1):
        members = np.flatnonzero(family_U == family)
        stays = _alike(signature_US[members]) >= LEAST_CORRELATION
        family_U[members[~stays] if stays.sum() >= least_members else members] = -1
    return numbered_by_size(family_U)


def _alike(signature_MS: np.ndarray) -> np.ndarray:
    """The correlation of each member's signature with the mean of the others', (M,)."""
    others_MS = (signature_MS.sum(0) - signature_MS) / (len(signature_MS) - 1)
    own_MS, others_MS = (each - each.mean(1, keepdims=True) for each in (signature_MS, others_MS))
    norm_M = np.linalg.norm(own_MS, axis=1) * np.linalg.norm(others_MS, axis=1)
    return np.divide((own_MS * others_MS).sum(1), norm_M, out=np.zeros(len(norm_M)), where=norm_M > 0)


def _own_angles(curve_by_kind: Mapping[str, np.ndarray], period_by_kind: Mapping[str, float]) -> np.ndarray:
    """Degrees by which each unit is turned back: those of the kind that it answers to most strongly. Where that one has
    orientations, the strongest kind that has directions says which of both ways is meant. (U,)"""
    kinds = list(curve_by_kind)
    directed = [kind for kind in kinds if period_by_kind[kind] == FULL_TURN]
    peak_KU = np.stack([curve_by_kind[kind].max(1) for kind in kinds])
    angles = []
    for unit, best in enumerate(peak_KU.argmax(0)):
        period = period_by_kind[kinds[best]]
        angle = _mean_turn(curve_by_kind[kinds[best]][unit])[0] * period
        if period < FULL_TURN and directed:
            other = max(directed, key=lambda kind: curve_by_kind[kind][unit].max())
            turn, length = _mean_turn(curve_by_kind[other][unit])
            angle += 180 * bool(length > 0 and np.cos(np.deg2rad(turn * FULL_TURN - angle)) < 0)
        angles.append(angle)
    return np.array(angles)


def _mean_turn(curve_A: np.ndarray) -> tuple[float, float]:
    """The mean angle of a curve as a share of its period, and how long its vector is."""
    vector = (curve_A * np.exp(2j * np.pi * np.arange(len(curve_A)) / len(curve_A))).sum()
    return float(np.angle(vector) / (2 * np.pi)), float(np.abs(vector))


def _turned(curve_A: np.ndarray, degrees: float, period: float) -> np.ndarray:
    """The curve moved along its angles, between them in proportion."""
    n = len(curve_A)
    at_A = np.arange(n) - degrees / period * n
    low_A = np.floor(at_A).astype(int)
    share_A = at_A - low_A
    return (1 - share_A) * curve_A[low_A % n] + share_A * curve_A[(low_A + 1) % n]
