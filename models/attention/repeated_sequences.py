"""Random sequences that say a piece twice, in periods and behind prefixes of varied length.

    special tokens, random prefix of m tokens, r_1 … r_n, r_1 … r_n

The tokens before the second copy all differ, so that each token of the second copy stands once before. The period n
varies from sequence to sequence: under one period a head that always looks equally far back passes for an induction
head, though it reads no tokens (a fixed period gives such a head scores of .93).

B rows, P positions.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from models.language_model.hooked_model import HookedModel

NUMBERS_PER_PASS = 2**26
"""Attention weights or logits that a pass may make, beyond those of one sequence."""


@dataclass(frozen=True, slots=True)
class RepeatedSequence:
    """One sequence, and the same with its second copy in another order."""

    token_ids: tuple[int, ...]
    shuffled_ids: tuple[int, ...]
    """No token of the second copy stands at its own place: what a head still attends to there, it finds by position."""
    start: int
    """Where the first copy begins."""
    period: int

    @property
    def second_copy(self) -> Tensor:
        """Positions of the second copy."""
        return torch.arange(self.start + self.period, self.start + 2 * self.period)


@dataclass(frozen=True, slots=True)
class SequenceLengths:
    """Between which lengths sequences vary."""

    shortest_period: int
    longest_period: int
    longest_prefix: int

    def check(self, n_special: int, n_positions: int | None, n_tokens: int) -> None:
        """Compares the longest sequence with what a model can read.

        Raises:
            ValueError: If periods do not vary, a sequence is longer than the model reads, or its tokens too few.
        """
        if not 2 <= self.shortest_period < self.longest_period:
            raise ValueError(
                f"periods from {self.shortest_period} to {self.longest_period}: wanted several from 2 on, since under "
                "one period a head that looks back by position passes for an induction head. Raise longest_period"
            )
        length, distinct = (
            n_special + self.longest_prefix + 2 * self.longest_period,
            self.longest_prefix + self.longest_period,
        )
        if n_positions is not None and length > n_positions:
            raise ValueError(
                f"the longest sequence has {length} tokens and the model reads {n_positions}: lower longest_period or "
                "longest_prefix"
            )
        if distinct > n_tokens:
            raise ValueError(
                f"the longest sequence has {distinct} different tokens and the model knows {n_tokens}: lower "
                "longest_period or longest_prefix"
            )


def ordinary_tokens(host: HookedModel) -> Tensor:
    """Token ids that stand for text."""
    special = set(host.tokenizer.all_special_ids)
    return torch.tensor([i for i in range(min(len(host.tokenizer), host.vocab_size)) if i not in special])


def repeated_sequences(
    tokens: Tensor, prefix: Sequence[int], lengths: SequenceLengths, n: int, seed: int
) -> list[RepeatedSequence]:
    """Some sequences, the same for the same seed.

    Args:
        tokens: Ids to draw from.
        prefix: Special tokens before each.
        lengths: Between which they vary.
        n: How many.
        seed: Of everything that is drawn.
    """
    generator = torch.Generator().manual_seed(seed)

    def whole(low: int, high: int) -> int:
        return int(torch.randint(low, high + 1, (), generator=generator))

    sequences = []
    for _ in range(n):
        period, n_before = whole(lengths.shortest_period, lengths.longest_period), whole(0, lengths.longest_prefix)
        drawn = tokens[torch.randperm(len(tokens), generator=generator)[: n_before + period]].tolist()
        piece = drawn[n_before:]
        cycle = torch.randperm(period, generator=generator)
        order = torch.empty_like(cycle)
        order[cycle] = cycle.roll(1)  # a cycle through all places leaves none where it was
        begin = (*prefix, *drawn)
        shuffled = (*begin, *(piece[i] for i in order.tolist()))
        sequences.append(RepeatedSequence((*begin, *piece), shuffled, len(prefix) + n_before, period))
    return sequences


def batches(sequences: Sequence[RepeatedSequence], numbers_per_token: int) -> Iterator[Sequence[RepeatedSequence]]:
    """The sequences, some at a time: as many as a pass may hold."""
    longest = max(len(each.token_ids) for each in sequences)
    size = max(1, NUMBERS_PER_PASS // (longest * numbers_per_token))
    return (sequences[i : i + size] for i in range(0, len(sequences), size))


def padded(rows: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """Rows of token ids and where there are tokens, padded at the right, where nothing before looks."""
    longest = max(map(len, rows))
    ids_BP = torch.tensor([[*row, *[row[0]] * (longest - len(row))] for row in rows])
    return ids_BP, torch.arange(longest) < torch.tensor([len(row) for row in rows])[:, None]
