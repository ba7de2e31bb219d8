"""What a model says of one entity when parts of another's activation are put in the place of its own.

Interchange interventions of RAVEL (Huang et al. 2024, arXiv:2402.17700) at the last token of an entity's name: with
some features of a dictionary (a mask that is learned, as SAEBench does it: MDBM), or with what lies in a subspace
(learned, as in distributed alignment search, Geiger et al. 2023, arXiv:2303.02536, or that of the class means).

Axes: N prompts, D width, F features that fire on some entity, B pairs of a batch, K directions, V answers.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

Answers = Callable[[Tensor, Tensor], Tensor]
"""Activations (B, D) put where the entity's name ends in prompts (B): logits of all answers there are (B, V)."""
Interchange = Callable[[Tensor, Tensor], Tensor]
"""Prompts (B) and prompts whose entities' parts they are given (B): the activations that follow (B, D)."""

BATCH = 16
LEAST_SLOPE = 1e-6
"""Slopes below it move nothing: they are rounding."""
COLDEST = 1e-4
"""Temperature of the mask at the end of training; 1 at its beginning."""


@dataclass(frozen=True, eq=False)
class EntityPrompts:
    """Prompts that ask an attribute of an entity, and what stands where its name ends."""

    x_ND: Tensor
    codes_NF: Tensor
    features_F: np.ndarray
    """Their numbers in the dictionary."""
    W_dec_FD: Tensor
    error_ND: Tensor
    """What the dictionary leaves out of the activation."""
    entity_N: np.ndarray
    attribute_N: np.ndarray
    answer_N: Tensor
    """Column of the right answer."""
    answers: Answers

    def swapped(self, weight_F: Tensor, *, with_error: bool = True) -> Interchange:
        """Each feature moved from its own activation towards the other's by a weight from 0 to 1; without the error, to
        what the dictionary makes of that."""

        def x_BD(base_B: Tensor, source_B: Tensor) -> Tensor:
            change_BF = (self.codes_NF[source_B] - self.codes_NF[base_B]) * weight_F
            kept_BD = self.x_ND[base_B] if with_error else self.x_ND[base_B] - self.error_ND[base_B]
            return kept_BD + change_BF @ self.W_dec_FD

        return x_BD

    def projected(self, basis_DK: Tensor) -> Interchange:
        """What lies along some orthonormal directions exchanged."""

        def x_BD(base_B: Tensor, source_B: Tensor) -> Tensor:
            difference_BD = self.x_ND[source_B] - self.x_ND[base_B]
            return self.x_ND[base_B] + difference_BD @ basis_DK @ basis_DK.T

        return x_BD

    def whole(self) -> Interchange:
        """Everything exchanged."""
        return lambda base_B, source_B: self.x_ND[source_B]


@dataclass(frozen=True, eq=False)
class InterchangePairs:
    """Prompts, the prompts whose entities they are given, and the answers that are wanted then."""

    base_M: Tensor
    source_M: Tensor
    wanted_M: Tensor
    is_cause_M: np.ndarray
    """Whether the prompt asks for the attribute that is moved, so that the other's value is wanted; else it asks for
    another attribute and its own value is."""

    def batches(self, chance: np.random.Generator) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Once through all pairs in a new order."""
        order_M = torch.from_numpy(chance.permutation(len(self.base_M)))
        for some in order_M.split(BATCH):
            yield self.base_M[some], self.source_M[some], self.wanted_M[some]


def interchange_pairs(
    prompts: EntityPrompts, attribute: int, is_used_N: np.ndarray, n: int, seed: int
) -> InterchangePairs:
    """At most n pairs that want the other's value and as many that want their own, drawn without repetition.

    The two entities differ in the attribute that is moved and in the one that is asked for: an answer that is the same
    either way tells nothing. Cause and isolation are told apart by the attribute, not by the answers (SAEBench compares
    first tokens).
    """
    answer_N, chance = prompts.answer_N.numpy(), np.random.default_rng([seed, attribute])
    value = {
        (entity, of): answer
        for entity, of, answer in zip(prompts.entity_N.tolist(), prompts.attribute_N.tolist(), answer_N, strict=True)
    }
    used = np.flatnonzero(is_used_N)
    sources = used[prompts.attribute_N[used] == attribute]
    found: dict[bool, list[tuple[int, int, int]]] = {True: [], False: []}
    for base in used.tolist():
        entity, asked = int(prompts.entity_N[base]), int(prompts.attribute_N[base])
        own, moved = value[entity, asked], value.get((entity, attribute))
        for source in sources.tolist():
            other = int(prompts.entity_N[source])
            theirs = value.get((other, asked))
            if moved is None or theirs is None or theirs == own or answer_N[source] == moved:
                continue
            found[asked == attribute].append((base, source, int(theirs if asked == attribute else own)))
    kept = [(pairs, chance.permutation(len(pairs))[:n]) for pairs in found.values()]
    rows = np.array([pairs[at] for pairs, places in kept for at in places], dtype=np.int64).reshape(-1, 3)
    base_M, source_M, wanted_M = torch.from_numpy(rows).T
    return InterchangePairs(base_M, source_M, wanted_M, np.repeat([True, False], [len(places) for _, places in kept]))


def learned_mask(prompts: EntityPrompts, pairs: InterchangePairs, epochs: int, rate: float, seed: int) -> Tensor:
    """Which features move the attribute and nothing else, bool (F,).

    Weights are sigmoids of what is learned over a temperature that falls from 1 to COLDEST, so that they end as 0 or 1;
    a feature that the answers do not depend on stays where it began, a step below 0, and is left out.
    """
    mask_F = torch.full((len(prompts.W_dec_FD),), -rate, requires_grad=True)
    n_steps = epochs * -(-len(pairs.base_M) // BATCH)
    temperatures = iter(np.geomspace(1, COLDEST, n_steps).tolist())

    def interchange() -> Interchange:
        return prompts.swapped(torch.sigmoid(mask_F / next(temperatures)))

    _fit(prompts, pairs, [mask_F], interchange, epochs, rate, seed)
    return mask_F.detach() > 0


def learned_subspace(
    prompts: EntityPrompts, pairs: InterchangePairs, n_directions: int, epochs: int, rate: float, seed: int
) -> Tensor:
    """Orthonormal directions (D, K) along which the attribute moves and nothing else."""
    width = prompts.x_ND.shape[1]
    start_DK = torch.randn(width, n_directions, generator=torch.Generator().manual_seed(seed)) / width**0.5
    free_DK = start_DK.requires_grad_()

    def interchange() -> Interchange:
        return prompts.projected(torch.linalg.qr(free_DK)[0])

    _fit(prompts, pairs, [free_DK], interchange, epochs, rate, seed)
    return torch.linalg.qr(free_DK.detach())[0]


def class_mean_subspace(prompts: EntityPrompts, attribute: int, is_used_N: np.ndarray) -> Tensor:
    """Orthonormal directions (D, K) in which the mean activations of the attribute's values differ."""
    rows = torch.from_numpy(np.flatnonzero(is_used_N & (prompts.attribute_N == attribute)))
    values, value_M = prompts.answer_N[rows].unique(return_inverse=True)
    means_CD = torch.stack([prompts.x_ND[rows[value_M == place]].mean(0) for place in range(len(values))])
    _, sizes_C, directions_CD = torch.linalg.svd(means_CD - means_CD.mean(0), full_matrices=False)
    return directions_CD[sizes_C > 1e-5 * sizes_C.max()].T


def _fit(
    prompts: EntityPrompts,
    pairs: InterchangePairs,
    learned: list[Tensor],
    interchange: Callable[[], Interchange],
    epochs: int,
    rate: float,
    seed: int,
) -> None:
    """Adam on the cross-entropy of the answers that are wanted, half of the pairs of either kind."""
    adam, chance = torch.optim.Adam(learned, lr=rate, eps=LEAST_SLOPE), np.random.default_rng(seed)
    for _ in range(epochs):
        for base_B, source_B, wanted_B in pairs.batches(chance):
            logits_BV = prompts.answers(interchange()(base_B, source_B), base_B)
            adam.zero_grad()
            torch.nn.functional.cross_entropy(logits_BV, wanted_B).backward()
            adam.step()
