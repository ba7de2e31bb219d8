"""Which windows help to choose among a feature's labels; the others say how good the chosen one is.

The best of several scores is too high by what chance gave it: reported on the windows that it was chosen on, the best
of six labels of equal worth stands .07 above what it is worth.

Axes: R rows of the examples, N windows of one feature, G groups of near copies, P of them that a feature has windows
in.
"""

from typing import TYPE_CHECKING

import numpy as np

from models.numerics.hash_sampling import hash_rank

if TYPE_CHECKING:
    from models.autointerp.example_set import ExampleSet


class ChoosingHalf:
    """Halves the documents that score a feature's labels: near copies are in one half, and each half has about as many
    windows in which the feature fires, and about as many controls."""

    def __init__(self, examples: "ExampleSet") -> None:
        self.examples = examples
        self._lot_G = np.array([hash_rank(group, "choosing") for group in examples.groups], np.int64)
        self._chosen: dict[int, dict[int, bool]] = {}

    def of(self, feature: int, row_N: np.ndarray) -> np.ndarray:
        """Whether some rows, shown with a label of the feature, help to choose. Rows of documents that the feature has
        no rated window in, such as hard negatives, are drawn by hash."""
        if feature not in self._chosen:
            self._chosen[feature] = self._halved(self.examples.for_scoring(feature))
        halves, group_N = self._chosen[feature], self.examples.group_R[row_N]
        return np.array([halves.get(group, bool(self._lot_G[group] % 2)) for group in group_N.tolist()], dtype=bool)

    def _halved(self, row_N: np.ndarray) -> dict[int, bool]:
        """Groups one after another, those with most windows first, each to the half that has fewer of its kind; the
        half that reports where both have as many."""
        groups_P, place_N = np.unique(self.examples.group_R[row_N], return_inverse=True)
        is_control_N = self.examples.is_control_R[row_N]
        fires_P, silent_P = (
            np.bincount(place_N[of_N], minlength=len(groups_P)) for of_N in (~is_control_N, is_control_N)
        )
        halves, total = {}, np.zeros((2, 2), np.int64)
        for place in np.lexsort((self._lot_G[groups_P], -silent_P, -fires_P)).tolist():
            own = np.array([fires_P[place], silent_P[place]])
            first = 0 if own[0] else 1
            ahead = total[1] - total[0]
            is_choosing = bool((ahead[first] or ahead[1 - first]) < 0)
            halves[int(groups_P[place])] = is_choosing
            total[int(is_choosing)] += own
        return halves
