"""Inputs that are made to excite a feature, and the shortest ones that still do.

Evolutionary prompt optimisation (Thompson et al. 2024, arXiv:2402.01702): a population of token sequences, each with
another weight on how unlikely the model finds it; children change one token at a random place to one that the gradient
favours, and for each weight the best of all is kept. One member is greedy coordinate gradient (Zou et al. 2023).
Without gradients, coordinate ascent tries every token at every place. The other way round, a text that excites a
feature is shortened as long as it does.

What is climbed is the feature's pre-activation: an activation that is cut at 0 has no slope where it matters. Only
sequences count that their own text gives back when it is cut into tokens again.

Axes: M members of a population, C candidates, P positions, V vocabulary.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor


class InputTarget(Protocol):
    """What a sequence of tokens is worth."""

    @property
    def allowed_V(self) -> Tensor:
        """Which tokens an input may hold."""
        ...

    def values(self, ids_CP: Tensor) -> tuple[Tensor, Tensor]:
        """The pre-activation at the last position (C), and the mean surprise of each token given those before it (C)
        [nats per token]."""
        ...

    def slopes(self, ids_MP: Tensor, penalty_M: Tensor) -> Tensor:
        """By how much pre-activation less penalty times surprise grows with each token at each position (M, P, V), to
        first order."""
        ...

    def survives(self, ids_CP: Tensor) -> Tensor:
        """Whether the sequence's text is cut into the same tokens (C)."""
        ...


@dataclass(frozen=True, slots=True)
class FoundInput:
    """A sequence of tokens and what it is worth."""

    ids: tuple[int, ...]
    target: float
    surprise: float
    """Mean over the tokens behind the first [nats per token]."""
    penalty: float | None
    """Weight of the surprise that it was found with; None where there was none."""
    n_forward: int
    """Sequences that were read until it was found."""


@dataclass(frozen=True, slots=True)
class EvolutionPlan:
    """How long and how widely is searched."""

    penalties: tuple[float, ...]
    """Of each member of the population, in units of the target per nat."""
    iterations: int
    children: int
    """Of each member in an iteration."""
    choices: int
    """Tokens that the gradient favours most at a place, among which a child's is drawn."""
    restart_every: int
    """Iterations after which all members become the best for one of the penalties, drawn by chance."""
    seed: int = 0


class NoSurvivingInput(ValueError):
    """No sequence of tokens was found that its own text gives back."""


def evolve(target: InputTarget, start_MP: Tensor, plan: EvolutionPlan) -> list[FoundInput]:
    """The best input for each penalty.

    Raises:
        NoSurvivingInput: If a start does not survive decoding and encoding.
    """
    if not target.survives(start_MP).all():
        raise NoSurvivingInput(
            "an input to begin with is cut into other tokens once it is text: begin with a text's own tokens"
        )
    chance = torch.Generator().manual_seed(plan.seed)
    penalty_M = torch.tensor(plan.penalties)
    population_MP, n_forward = start_MP.clone(), 0
    value_M, surprise_M = target.values(population_MP)
    n_forward += len(population_MP)
    for iteration in range(plan.iterations):
        if iteration and iteration % plan.restart_every == 0:
            chosen = int(torch.randint(len(penalty_M), (1,), generator=chance))
            best = int((value_M - penalty_M[chosen] * surprise_M).argmax())
            population_MP = population_MP[best].repeat(len(penalty_M), 1)
            value_M, surprise_M = value_M[best].repeat(len(penalty_M)), surprise_M[best].repeat(len(penalty_M))
        children_CP = _children(target, population_MP, penalty_M, plan, chance)
        children_CP = children_CP[target.survives(children_CP)]
        if not len(children_CP):
            continue
        child_value_C, child_surprise_C = target.values(children_CP)
        n_forward += len(population_MP) + len(children_CP)  # a backward pass of each parent, a forward of each child
        all_CP = torch.cat([population_MP, children_CP])
        value_C, surprise_C = torch.cat([value_M, child_value_C]), torch.cat([surprise_M, child_surprise_C])
        best_M = (value_C - penalty_M[:, None] * surprise_C).argmax(1)
        population_MP, value_M, surprise_M = all_CP[best_M], value_C[best_M], surprise_C[best_M]
    return [
        FoundInput(tuple(ids), value, surprise, penalty, n_forward)
        for ids, value, surprise, penalty in zip(
            population_MP.tolist(), value_M.tolist(), surprise_M.tolist(), plan.penalties, strict=True
        )
    ]


def _children(
    target: InputTarget, population_MP: Tensor, penalty_M: Tensor, plan: EvolutionPlan, chance: torch.Generator
) -> Tensor:
    slope_MPV = target.slopes(population_MP, penalty_M).masked_fill(~target.allowed_V, -torch.inf)
    favoured_MPK = slope_MPV.topk(min(plan.choices, int(target.allowed_V.sum())), dim=2).indices
    n_members, n_positions = population_MP.shape
    children_CP = population_MP.repeat_interleave(plan.children, 0)
    member_C = torch.arange(n_members).repeat_interleave(plan.children)
    place_C = torch.randint(n_positions, (len(children_CP),), generator=chance)
    # The gradient's first choices more often than its last: ranks even in their logarithm.
    rank_C = (favoured_MPK.shape[2] ** torch.rand(len(children_CP), generator=chance)).long() - 1
    children_CP[torch.arange(len(children_CP)), place_C] = favoured_MPK[member_C, place_C, rank_C]
    return children_CP


def coordinate_ascent(target: InputTarget, start_P: Tensor, sweeps: int, together: int = 1024) -> FoundInput:
    """Every allowed token at every place, place by place, until a sweep changes nothing: exact for one place, dear.

    Raises:
        NoSurvivingInput: If the start does not survive decoding and encoding.
    """
    if not bool(target.survives(start_P[None])[0]):
        raise NoSurvivingInput(
            "the input to begin with is cut into other tokens once it is text: begin with a text's own tokens"
        )
    ids_P, allowed = start_P.clone(), target.allowed_V.nonzero()[:, 0]
    (value,), (surprise,) = (each.tolist() for each in target.values(ids_P[None]))
    n_forward = 1
    for _ in range(sweeps):
        before = ids_P.clone()
        for place in reversed(range(len(ids_P))):
            for some in allowed.split(together):
                tried_CP = ids_P.repeat(len(some), 1)
                tried_CP[:, place] = some
                tried_CP = tried_CP[target.survives(tried_CP)]
                if not len(tried_CP):
                    continue
                value_C, surprise_C = target.values(tried_CP)
                n_forward += len(tried_CP)
                best = int(value_C.argmax())
                if float(value_C[best]) > value:
                    ids_P, value, surprise = tried_CP[best].clone(), float(value_C[best]), float(surprise_C[best])
        if torch.equal(ids_P, before):
            break
    return FoundInput(tuple(ids_P.tolist()), value, surprise, None, n_forward)


def shorten(target: InputTarget, ids: Sequence[int], kept_share: float) -> FoundInput:
    """The text with tokens taken out, the one that is missed least first, while the target keeps its share.

    The last token stays: it is where the feature is read.
    """
    left, n_forward = torch.tensor(list(ids)), 1
    (value,), (surprise,) = (each.tolist() for each in target.values(left[None]))
    least = kept_share * value if value > 0 else value
    cut = len(left) // 2
    while cut:  # from the front first, by halves: most of a text says nothing of a feature
        tried_1P = left[None, cut:]
        if bool(target.survives(tried_1P)[0]):
            (of_rest,), (surprise_of_rest,) = (each.tolist() for each in target.values(tried_1P))
            n_forward += 1
            if of_rest >= least:
                left, value, surprise = left[cut:], of_rest, surprise_of_rest
        cut = min(cut // 2, len(left) // 2)
    while len(left) > 1:
        tried_CP = torch.stack([torch.cat([left[:place], left[place + 1 :]]) for place in range(len(left) - 1)])
        tried_CP = tried_CP[target.survives(tried_CP)]
        if not len(tried_CP):
            break
        value_C, surprise_C = target.values(tried_CP)
        n_forward += len(tried_CP)
        best = int(value_C.argmax())
        if float(value_C[best]) < least:
            break
        left, value, surprise = tried_CP[best], float(value_C[best]), float(surprise_C[best])
    return FoundInput(tuple(left.tolist()), value, surprise, None, n_forward)


def surviving_end(target: InputTarget, ids: tuple[int, ...]) -> tuple[int, ...]:
    """The longest end of a text that survives decoding and encoding: many tokenizers cut a text that begins within a
    word in another way. Empty where none does."""
    ends = (ids[start:] for start in range(len(ids)))
    return next((end for end in ends if bool(target.survives(torch.tensor([end]))[0])), ())


def surviving_starts(
    allowed_V: Tensor, survives: Callable[[Tensor], Tensor], n: int, length: int, seed: int
) -> Tensor | None:
    """Random sequences that survive decoding and encoding (n, length), grown token by token; None where too few do."""
    chance, allowed = torch.Generator().manual_seed(seed), allowed_V.nonzero()[:, 0]
    kept: list[Tensor] = []
    for _ in range(8 * n):
        ids_P = torch.zeros(0, dtype=torch.int64)
        for _ in range(length):
            drawn_C = allowed[torch.randint(len(allowed), (64,), generator=chance)]
            tried_CP = torch.cat([ids_P.repeat(64, 1), drawn_C[:, None]], dim=1)
            fits = survives(tried_CP).nonzero()[:, 0]
            if not len(fits):
                break
            ids_P = tried_CP[int(fits[0])]
        if len(ids_P) == length:
            kept.append(ids_P)
        if len(kept) == n:
            return torch.stack(kept)
    return None
