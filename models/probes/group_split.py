"""A split of rows into training and test by group: rows of one document, template or subject are alike, and rows that
are alike stand on one side.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np

from models.numerics.hash_sampling import hash_rank


class GroupLeak(ValueError):
    """A group has rows in training and in the test: what is measured on it was learned by heart. Split by group."""


class TooFewGroups(ValueError):
    """There are too few groups to stand on both sides of a split. Add groups."""


def split_by_group(group_N: Sequence[str], label_N: Sequence[str], test_share: float, seed: int) -> np.ndarray:
    """Which rows are kept for the test, bool (N,): about this share of the groups.

    Of the groups all of whose rows have one label, this share for each label; groups with several labels are drawn
    together, with those whose label has no other group. The draw depends on the groups' names and the seed alone.

    Raises:
        TooFewGroups: If there are fewer than two groups.
    """
    labels_of: defaultdict[str, set[str]] = defaultdict(set)
    for group, label in zip(group_N, label_N, strict=True):
        labels_of[group].add(label)
    if len(labels_of) < 2:
        raise TooFewGroups(
            f"all rows are of one group ({next(iter(labels_of), 'none')!r}), wanted at least two, to train on and to "
            "test on: add rows of another group, or leave `group` out where rows are not alike"
        )
    alone = Counter(next(iter(labels)) for labels in labels_of.values() if len(labels) == 1)
    strata: defaultdict[str | None, list[str]] = defaultdict(list)
    for group, labels in labels_of.items():
        label = next(iter(labels))
        strata[label if len(labels) == 1 and alone[label] > 1 else None].append(group)
    test: set[str] = set()
    for groups in strata.values():
        ranked = sorted(groups, key=lambda group: hash_rank(group, f"split {seed}"))
        test.update(ranked[: min(max(1, round(test_share * len(groups))), len(groups) - 1)])
    return np.array([group in test for group in group_N], dtype=bool)


def check_groups_apart(group_N: Sequence[str], is_test_N: np.ndarray) -> None:
    """Raises GroupLeak where a group has rows on both sides."""
    sides: defaultdict[str, set[bool]] = defaultdict(set)
    for group, is_test in zip(group_N, is_test_N.tolist(), strict=True):
        sides[group].add(is_test)
    if both := sorted(group for group, of in sides.items() if len(of) == 2):
        shown = ", ".join(map(repr, both[:3])) + (", …" if len(both) > 3 else "")
        raise GroupLeak(
            f"{len(both)} of {len(sides)} groups have rows in training and in the test ({shown}): put all rows of a "
            "group on one side"
        )
