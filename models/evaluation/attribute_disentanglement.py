"""Whether a dictionary has features that move one attribute of entities and leave the others: RAVEL.

Huang et al. 2024 (arXiv:2402.17700), as SAEBench asks it of dictionaries (Karvonen et al. 2025), beside a learned
subspace, that of the class means, the whole activation, and random features. What is learned is learned of some
entities and reported of others.

Axes: N prompts, M pairs of test entities, E entities, F features.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from models.interventions.attribute_interchange import (
    BATCH,
    EntityPrompts,
    Interchange,
    InterchangePairs,
    class_mean_subspace,
    interchange_pairs,
    learned_mask,
    learned_subspace,
)
from models.numerics.bootstrap import statistic_intervals

CONDITIONS = ("features", "features_without_error", "random_features", "subspace", "class_means", "whole", "nothing")


@dataclass(frozen=True, slots=True)
class Training:
    """How mask and subspace are learned."""

    pairs: int = 256
    """Of either kind; as many of test entities are reported."""
    epochs: int = 2
    mask_rate: float = 0.01
    subspace_rate: float = 0.01
    n_directions: int = 16
    random_draws: int = 4
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Disentanglement:
    """One attribute moved between test entities by one means."""

    attribute: int
    condition: str
    n_moved: int | None
    """Features, or directions of a subspace; None of the whole and of nothing."""
    features: tuple[int, ...] | None
    cause: float
    """Share of pairs that say the other's value of the attribute."""
    cause_interval: tuple[float, float] | None
    isolation: float
    """Share of pairs that keep their own value of another attribute."""
    isolation_interval: tuple[float, float] | None
    score: float
    """Their mean."""
    score_interval: tuple[float, float] | None
    n_cause: int
    n_isolation: int
    n_entities: int
    """Test entities that are given something."""


def attribute_disentanglement(
    prompts: EntityPrompts, attribute: int, is_test_N: np.ndarray, training: Training
) -> Iterator[Disentanglement]:
    """Each of CONDITIONS on pairs of test entities.

    Args:
        prompts: Those that the model answers rightly.
        attribute: The one that is moved.
        is_test_N: Prompts about entities that nothing is learned of.
        training: How mask and subspace are learned.
    """
    seed = training.seed
    learn = interchange_pairs(prompts, attribute, ~is_test_N, training.pairs, seed)
    told = interchange_pairs(prompts, attribute, is_test_N, training.pairs, seed)
    mask_F = learned_mask(prompts, learn, training.epochs, training.mask_rate, seed)
    chosen = np.flatnonzero(mask_F.numpy())
    features = tuple(prompts.features_F[chosen].tolist())
    basis_DK = learned_subspace(prompts, learn, training.n_directions, training.epochs, training.subspace_rate, seed)
    means_DK = class_mean_subspace(prompts, attribute, ~is_test_N)
    chance = np.random.default_rng([seed, attribute])
    drawn = [_weights(prompts, chance.permutation(len(mask_F))[: len(chosen)]) for _ in range(training.random_draws)]
    swaps: dict[str, tuple[int | None, Sequence[Interchange]]] = {
        "features": (len(chosen), [prompts.swapped(mask_F.float())]),
        "features_without_error": (len(chosen), [prompts.swapped(mask_F.float(), with_error=False)]),
        "random_features": (len(chosen), [prompts.swapped(weight_F) for weight_F in drawn]),
        "subspace": (basis_DK.shape[1], [prompts.projected(basis_DK)]),
        "class_means": (means_DK.shape[1], [prompts.projected(means_DK)]),
        "whole": (None, [prompts.whole()]),
        "nothing": (None, [prompts.swapped(torch.zeros(len(mask_F)))]),
    }
    for condition in CONDITIONS:
        n_moved, several = swaps[condition]
        right_M = np.mean([_right(prompts, told, swap) for swap in several], axis=0)
        named = features if condition.startswith("features") else None
        yield _scored(prompts, attribute, told, right_M, condition, n_moved, named, seed)


def _weights(prompts: EntityPrompts, places: np.ndarray) -> torch.Tensor:
    weight_F = torch.zeros(len(prompts.W_dec_FD))
    weight_F[torch.from_numpy(places)] = 1
    return weight_F


@torch.no_grad()
def _right(prompts: EntityPrompts, pairs: InterchangePairs, interchange: Interchange) -> np.ndarray:
    """Which pairs say what is wanted, bool (M,)."""
    parts = zip(*(each.split(BATCH) for each in (pairs.base_M, pairs.source_M, pairs.wanted_M)), strict=True)
    said = [prompts.answers(interchange(base, source), base).argmax(1) == wanted for base, source, wanted in parts]
    return torch.cat(said).numpy()


def _scored(
    prompts: EntityPrompts,
    attribute: int,
    pairs: InterchangePairs,
    right_M: np.ndarray,
    condition: str,
    n_moved: int | None,
    features: tuple[int, ...] | None,
    seed: int,
) -> Disentanglement:
    """Shares with their intervals, the entities that are given something being drawn."""
    entities, entity_M = np.unique(prompts.entity_N[pairs.base_M.numpy()], return_inverse=True)
    kinds = pairs.is_cause_M, ~pairs.is_cause_M
    right_KE, all_KE = (
        np.stack([np.bincount(entity_M[of], value_M[of], len(entities)) for of in kinds])
        for value_M in (right_M.astype(np.float64), np.ones(len(right_M)))
    )

    def shares(weights_NE: np.ndarray) -> np.ndarray:
        below_NK = weights_NE @ all_KE.T
        share_NK = np.divide(weights_NE @ right_KE.T, below_NK, out=np.full_like(below_NK, np.nan), where=below_NK > 0)
        return np.stack([*share_NK.T, share_NK.mean(1)])

    cause, isolation, score = shares(np.ones((1, len(entities))))[:, 0].tolist()
    intervals = statistic_intervals(shares, len(entities), seed, 3)
    n_cause = int(pairs.is_cause_M.sum())
    return Disentanglement(
        attribute,
        condition,
        n_moved,
        features,
        cause,
        intervals[0],
        isolation,
        intervals[1],
        score,
        intervals[2],
        n_cause,
        len(right_M) - n_cause,
        len(entities),
    )
