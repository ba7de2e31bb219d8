"""What a probe is asked: rows with a label each, split by group, and the control task beside it.

N rows, C classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from models.numerics.hash_sampling import hash_rank
from models.probes.group_split import TooFewGroups, check_groups_apart, split_by_group

INNER_SHARE = 0.25
"""Of the training groups that settings are chosen by."""


class OneSidedLabel(ValueError):
    """A label has rows in training only, or in the test only. Add groups that have it."""


@dataclass(frozen=True, eq=False)
class ProbeTask:
    """Rows whose label a probe is to tell.

    Raises:
        GroupLeak: If a group stands on both sides.
        OneSidedLabel: If a label does not.
    """

    labels: tuple[str, ...]
    """Classes by their numbers."""
    class_N: np.ndarray
    group_N: Sequence[str]
    """Rows that are alike: they stand on one side of the split."""
    type_N: Sequence[str]
    """What the control task gives one random label each, such as the token that is read."""
    is_test_N: np.ndarray

    def __post_init__(self) -> None:
        check_groups_apart(self.group_N, self.is_test_N)
        for number, label in enumerate(self.labels):
            sides = set(self.is_test_N[self.class_N == number].tolist())
            if len(sides) < 2:
                raise OneSidedLabel(
                    f"label {label!r} stands only in {'the test' if True in sides else 'training'}: "
                    "add rows of other groups that have it, or another seed"
                )

    @classmethod
    def of(
        cls, label_N: Sequence[str], group_N: Sequence[str], type_N: Sequence[str], *, test_share: float, seed: int
    ) -> Self:
        """Rows split by group.

        Raises:
            TooFewGroups, OneSidedLabel: If a label cannot stand on both sides, or does not.
            ValueError: If all rows have one label.
        """
        labels = tuple(sorted(set(label_N)))
        if len(labels) < 2:
            raise ValueError(f"every row has the label {label_N[0]!r}: a probe tells two apart at least, add another")
        class_N = np.array([labels.index(label) for label in label_N], dtype=np.int64)
        return cls(labels, class_N, group_N, type_N, split_by_group(group_N, label_N, test_share, seed))

    @property
    def n_classes(self) -> int:
        return len(self.labels)

    @property
    def group_numbers_N(self) -> np.ndarray:
        """The group of each row as a whole number from 0."""
        return np.unique(list(self.group_N), return_inverse=True)[1]

    @property
    def majority(self) -> int:
        """The most frequent class in training, of equal ones the first."""
        return int(np.bincount(self.class_N[~self.is_test_N], minlength=self.n_classes).argmax())

    def control_classes(self, seed: int) -> np.ndarray:
        """A class for each type, drawn as often as the classes are in training: a probe that tells these apart learned
        types by heart (Hewitt and Liang 2019, arXiv:1909.03368).

        Where types are too few to hide a label in, fewer than four a class, every row is a type.
        """
        types = list(self.type_N)
        if len(set(types)) < 4 * self.n_classes:
            types = [str(row) for row in range(len(types))]
        shares_C = np.bincount(self.class_N[~self.is_test_N], minlength=self.n_classes).cumsum()
        place_of = {name: hash_rank(name, f"control {seed}") / 2**63 for name in set(types)}
        place_N = np.array([place_of[name] for name in types]) * shares_C[-1]
        return np.searchsorted(shares_C, place_N, side="right").clip(max=self.n_classes - 1)

    def inner_split(self, seed: int) -> tuple[np.ndarray, np.ndarray] | None:
        """Training rows in two parts, by group, to fit with and to choose settings by; None where a label has too few
        groups for both."""
        train_M = np.flatnonzero(~self.is_test_N)
        groups = [self.group_N[row] for row in train_M.tolist()]
        labels = [self.labels[number] for number in self.class_N[train_M].tolist()]
        try:
            chosen_M = split_by_group(groups, labels, INNER_SHARE, seed)
        except TooFewGroups:
            return None
        fit_M, choose_M = train_M[~chosen_M], train_M[chosen_M]
        return (fit_M, choose_M) if len(set(self.class_N[fit_M].tolist())) == self.n_classes else None
