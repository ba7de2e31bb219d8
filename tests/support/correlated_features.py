"""Activations whose features are known and do not fire independently: power laws, pairs, parents and children.

As in `planted`, an activation is a sum of unit vectors with coefficients uniform in (0.5, 1.5), scaled to E|x|^2 = D;
no offset is added. Feature i is active with probability ~ (i + 1)^-exponent, at most .6, so that `l0` are active on
average.

Axes: T tokens, D width, F true features, P pairs or families.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

MOST_OFTEN = 0.6
PAIRED, TOGETHER, ALONE = 0.4, 0.8, 0.2
"""Share of the features that are in pairs; probability of a pair's second given its first; what is left of the second's
own probability where the first is silent."""
CHILDREN, WITH_CHILD = 3, 0.75
"""Of each parent; probability that one of them, never two, is active where the parent is. Without it none is."""
CHUNK = 8192

Firing = Callable[[np.random.Generator, int, np.ndarray], np.ndarray]
"""Draws which features are active in some tokens: (chance, T, probabilities F) -> [T, F]."""


@dataclass(frozen=True, slots=True)
class _Law:
    """How often features are active, and which are together."""

    exponent: float
    firing_of: Callable[[np.random.Generator, int], Firing]


def _independent(chance: np.random.Generator, n_true: int) -> Firing:
    return lambda chance, n, often_F: chance.random((n, n_true)) < often_F


def _in_pairs(chance: np.random.Generator, n_true: int) -> Firing:
    n_pairs = int(n_true * PAIRED / 2)
    first_P, second_P = chance.permutation(n_true)[: 2 * n_pairs].reshape(2, n_pairs)

    def active(chance: np.random.Generator, n: int, often_F: np.ndarray) -> np.ndarray:
        on_TF = chance.random((n, n_true)) < often_F
        likely_TP = np.where(on_TF[:, first_P], TOGETHER, often_F[second_P] * ALONE)
        on_TF[:, second_P] = chance.random((n, n_pairs)) < likely_TP
        return on_TF

    return active


def _in_families(chance: np.random.Generator, n_true: int) -> Firing:
    n_families = n_true // (1 + CHILDREN)
    order = chance.permutation(n_true)[: n_families * (1 + CHILDREN)]
    parent_P, child_CP = order[:n_families], order[n_families:].reshape(CHILDREN, n_families)

    def active(chance: np.random.Generator, n: int, often_F: np.ndarray) -> np.ndarray:
        on_TF = chance.random((n, n_true)) < often_F
        chosen_TP = chance.integers(0, CHILDREN, (n, n_families))
        has_child_TP = on_TF[:, parent_P] & (chance.random((n, n_families)) < WITH_CHILD)
        for number in range(CHILDREN):
            on_TF[:, child_CP[number]] = has_child_TP & (chosen_TP == number)
        return on_TF

    return active


LAWS = {
    "power law": _Law(1.0, _independent),
    "pairs": _Law(0.5, _in_pairs),
    "power law, pairs": _Law(1.0, _in_pairs),
    "parents and children": _Law(0.5, _in_families),
}


def correlated(law: str, n_tokens: int, width: int, n_true: int, l0: float, seed: int) -> tuple[Tensor, Tensor]:
    """True directions [F, D] and activations [T, D]."""
    chance = np.random.Generator(np.random.PCG64(seed))
    directions_FD = chance.standard_normal((n_true, width)).astype(np.float32)
    directions_FD /= np.linalg.norm(directions_FD, axis=1, keepdims=True)
    active = LAWS[law].firing_of(chance, n_true)
    often_F = _scaled(active, (np.arange(n_true) + 1.0) ** -LAWS[law].exponent, l0, seed)
    x_TD = np.empty((n_tokens, width), np.float32)
    for begin in range(0, n_tokens, CHUNK):
        n = min(CHUNK, n_tokens - begin)
        codes_TF = active(chance, n, often_F) * chance.uniform(0.5, 1.5, (n, n_true))
        x_TD[begin : begin + n] = codes_TF.astype(np.float32) @ directions_FD
    x_TD *= np.sqrt(width / np.square(x_TD, dtype=np.float64).sum(1).mean())
    return torch.from_numpy(directions_FD), torch.from_numpy(x_TD)


def _scaled(active: Firing, often_F: np.ndarray, l0: float, seed: int) -> np.ndarray:
    """Probabilities at which so many features are active, on tokens that are not used."""
    often_F = np.minimum(often_F * l0 / often_F.sum(), MOST_OFTEN)
    for _ in range(20):
        found = active(np.random.Generator(np.random.PCG64([seed, 1])), CHUNK, often_F).sum(1).mean()
        often_F = np.minimum(often_F * l0 / found, MOST_OFTEN)
    return often_F
