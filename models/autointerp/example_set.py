"""The examples of many features, by feature and by whether they are for explaining or for scoring.

Axes: R examples (rows), N examples of one feature, S tokens of all windows one after another (flat), V distinct token
strings.
"""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pyarrow as pa

from models.autointerp.choosing_half import ChoosingHalf
from models.autointerp.lexical.token_properties import TokenProperties
from models.autointerp.lexical.token_windows import TokenWindows
from models.features.scoring_half import is_in_scoring_half


@dataclass(frozen=True)
class ExampleSet:
    """Rows of the `example` table as arrays: sorted by feature, kind, interval and rank, token strings as codes.

    The windows lie one after another: row r has tokens `start_R[r]` to `start_R[r + 1]`, its peak at `start_R[r] +
    peak_R[r]`.
    """

    table: pa.Table
    strings: list[str]
    """The V token strings, sorted."""
    code_S: np.ndarray
    activation_S: np.ndarray
    start_R: np.ndarray
    first_read: int = 0
    """Position of the first token of a context that may be read: where a context starts, for labels."""
    near_copy_group: Mapping[str, str] = field(default_factory=dict)
    """Of each document that has near copies, the name of their group; others are a group of their own."""

    @classmethod
    def of(
        cls, examples: pa.Table, first_read: int = 0, near_copy_group: Mapping[str, str] | None = None
    ) -> "ExampleSet":
        keys = [
            ("feature_id", "ascending"),
            ("kind", "descending"),
            ("interval_index", "ascending"),
            ("rank", "ascending"),
        ]
        table = examples.sort_by(keys).combine_chunks()
        tokens, activations = (_list(table, name) for name in ("tokens", "activations"))
        encoded = tokens.flatten().dictionary_encode()
        strings = encoded.dictionary.to_pylist()
        order = sorted(range(len(strings)), key=strings.__getitem__)
        rank = np.empty(len(strings), np.int32)
        rank[order] = np.arange(len(strings), dtype=np.int32)
        offsets = tokens.offsets.to_numpy().astype(np.int64)
        codes = rank[encoded.indices.to_numpy(zero_copy_only=False)]
        flat = activations.flatten().to_numpy()
        return cls(
            table, [strings[i] for i in order], codes, flat, offsets - offsets[0], first_read, near_copy_group or {}
        )

    def __len__(self) -> int:
        return len(self.table)

    def column(self, name: str) -> np.ndarray:
        return self.table.column(name).to_numpy()

    def _codes(self, name: str) -> tuple[np.ndarray, list[str]]:
        """A column of strings as numbers of its distinct ones."""
        encoded = self.table.column(name).combine_chunks().dictionary_encode()
        encoded = encoded.chunk(0) if isinstance(encoded, pa.ChunkedArray) else encoded
        return encoded.indices.to_numpy(), encoded.dictionary.to_pylist()

    def _is(self, kind: str) -> np.ndarray:
        codes, kinds = self._codes("kind")
        return codes == (kinds.index(kind) if kind in kinds else -1)

    @cached_property
    def feature_R(self) -> np.ndarray:
        return self.column("feature_id")

    @cached_property
    def activation_R(self) -> np.ndarray:
        return self.column("activation")

    @cached_property
    def peak_R(self) -> np.ndarray:
        return self.column("peak").astype(np.int64)

    @cached_property
    def example_ids(self) -> list[str]:
        return self.table["example_id"].to_pylist()

    @cached_property
    def position_R(self) -> np.ndarray:
        return self.column("position").astype(np.int64)

    @cached_property
    def document_R(self) -> np.ndarray:
        """A number for each document."""
        return self._codes("document_id")[0]

    @cached_property
    def is_control_R(self) -> np.ndarray:
        return self._is("control")

    @cached_property
    def is_interval_R(self) -> np.ndarray:
        return self._is("interval")

    @cached_property
    def is_top_R(self) -> np.ndarray:
        return self._is("top")

    @cached_property
    def groups(self) -> list[str]:
        """Names of the groups of near copies that the documents are of, sorted."""
        documents = self._codes("document_id")[1]
        return sorted({self.near_copy_group.get(document, document) for document in documents})

    @cached_property
    def group_R(self) -> np.ndarray:
        """The place in `groups`: examples of one group are alike, so that they count as a cluster."""
        codes_R, documents = self._codes("document_id")
        place = {group: number for number, group in enumerate(self.groups)}
        return np.array([place[self.near_copy_group.get(document, document)] for document in documents], int)[codes_R]

    @cached_property
    def scores_R(self) -> np.ndarray:
        """Whether an example is of a document for scoring labels; the others are for finding them."""
        return np.array([is_in_scoring_half(group) for group in self.groups], dtype=bool)[self.group_R]

    @cached_property
    def choosing_half(self) -> ChoosingHalf:
        return ChoosingHalf(self)

    @cached_property
    def features(self) -> list[int]:
        """Features that fire somewhere, ascending."""
        return np.unique(self.feature_R[~self.is_control_R]).tolist()

    def strengths(self) -> dict[int, float]:
        """The maximal activation of each feature that fires."""
        live = ~self.is_control_R
        features, inverse = np.unique(self.feature_R[live], return_inverse=True)
        highest = np.zeros(len(features))
        np.maximum.at(highest, inverse, self.activation_R[live])
        return dict(zip(features.tolist(), highest.tolist(), strict=True))

    def _rows(self, feature: int, wanted_R: np.ndarray) -> np.ndarray:
        edges = np.array([feature, feature + 1], self.feature_R.dtype)  # of another type all rows would be copied
        first, end = np.searchsorted(self.feature_R, edges)
        return first + np.flatnonzero(wanted_R[first:end])

    def for_explaining(self, feature: int) -> np.ndarray:
        """Rows in which the feature fires and that its label may be made from: strongest first, each place once."""
        rows_N = self._rows(feature, self._explains_R)
        _, first = np.unique(self._place_R[rows_N], return_index=True)
        rows_N = rows_N[first]
        return rows_N[np.lexsort((rows_N, -self.activation_R[rows_N]))]

    def for_scoring(self, feature: int) -> np.ndarray:
        """Rows that a label is rated on: those drawn from the intervals, then controls; none of `unscored` features."""
        return self._rows(feature, self._rated_R)

    @cached_property
    def unscored(self) -> frozenset[int]:
        """Features that fire in documents for scoring alone: their labels are made from those, and have no score."""
        explained = self.feature_R[~self.is_control_R & ~self.scores_R]
        return frozenset(self.features) - frozenset(np.unique(explained).tolist())

    @cached_property
    def _is_unscored_R(self) -> np.ndarray:
        return np.isin(self.feature_R, np.array(sorted(self.unscored), np.int64))

    @cached_property
    def _explains_R(self) -> np.ndarray:
        return ~self.is_control_R & (~self.scores_R | self._is_unscored_R)

    @cached_property
    def _rated_R(self) -> np.ndarray:
        rated_R = self.scores_R & (self.is_control_R | self.is_interval_R) & ~self._repeats_R
        return rated_R & ~self._is_unscored_R

    @cached_property
    def _repeats_R(self) -> np.ndarray:
        """Whether an example for scoring has, token for token, a window that the same feature's label may be made
        from."""
        tokens = [self.code_S[a:b].tobytes() for a, b in itertools.pairwise(self.start_R.tolist())]
        windows = list(zip(self.feature_R.tolist(), tokens, strict=True))
        shown = {windows[row] for row in np.flatnonzero(self._explains_R).tolist()}
        return np.array([window in shown for window in windows], dtype=bool) & self.scores_R

    @cached_property
    def _place_R(self) -> np.ndarray:
        """One number for each context and position."""
        width = self.position_R.max(initial=0) + 1
        return self.column("context_id").astype(np.int64) * width + self.position_R

    def tape(self, vocabulary: TokenProperties, rows_R: np.ndarray) -> TokenWindows:
        """The windows of some rows, in their order; the vocabulary begins with the strings of this gallery."""
        lengths = self.start_R[rows_R + 1] - self.start_R[rows_R]
        start_R = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        at_S = np.arange(start_R[-1]) + np.repeat(self.start_R[rows_R] - start_R[:-1], lengths)
        first_R = self.position_R[rows_R] - self.peak_R[rows_R] - self.first_read
        return TokenWindows(vocabulary, self.code_S[at_S], start_R, first_R)

    def can_be_shown(self, row: int) -> bool:
        """Whether a judge or an explainer can be shown an example: text always can."""
        return True

    def window(self, row: int) -> tuple[list[str], np.ndarray, int]:
        """Tokens, activations and peak of an example."""
        a, b = self.start_R[row], self.start_R[row + 1]
        return [self.strings[code] for code in self.code_S[a:b]], self.activation_S[a:b], int(self.peak_R[row])


def _list(table: pa.Table, name: str) -> pa.ListArray:
    column = table.column(name).combine_chunks()
    return column.chunk(0) if isinstance(column, pa.ChunkedArray) else column
