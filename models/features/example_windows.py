"""Windows of text around chosen tokens, and what a feature does in them.

Axes: N examples, W tokens of a window, R rows of text, M firings, or examples of a part.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

import numpy as np
import pyarrow as pa

from models.corpora.token_rows import TokenRows
from models.features.firings import Firings
from models.language_model.token_strings import TokenStrings
from models.numerics.keyed_reservoir import KeyedReservoir
from storage.table_schemas.example import SCHEMA as EXAMPLE

KINDS = ("top", "interval", "control")


def example_id(
    model_id: str, recipe_id: str, feature_id: int, kind: str, interval: int | None, context_id: int, position: int
) -> str:
    """A name that an example keeps for as long as its feature, kind, interval and place are the same."""
    name = f"{model_id}\0{recipe_id}\0{feature_id}\0{kind}\0{interval}\0{context_id}\0{position}"
    return hashlib.sha256(name.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class SelectedExamples:
    """Which (feature, context, position) are to be shown and why, by feature, kind, interval and rank."""

    feature_N: np.ndarray
    kind_N: np.ndarray
    interval_N: np.ndarray
    """-1 where the kind knows no intervals."""
    rank_N: np.ndarray
    context_N: np.ndarray
    position_N: np.ndarray
    act_N: np.ndarray

    @classmethod
    def of(cls, kept: Mapping[str, KeyedReservoir], intervals: int) -> Self:
        """All that was kept for each kind."""
        parts = []
        for kind, some in kept.items():
            places, rank = some.ranked()
            feature, interval = places.group, np.full(len(rank), -1)
            if kind == "interval":
                feature, interval = np.divmod(places.group, intervals)
            kinds = np.full(len(rank), KINDS.index(kind), np.int8)
            parts.append((feature, kinds, interval, rank, places.context, places.position, places.act))
        columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
        order = np.lexsort(columns[3::-1])
        return cls(*(column[order] for column in columns))


@dataclass(frozen=True)
class ExampleWindows:
    """The windows of chosen examples, filled in as the contexts come by."""

    chosen: SelectedExamples
    pieces: TokenStrings
    text_NW: np.ndarray
    """Index into the pieces' texts and, after those, into `more`."""
    act_NW: np.ndarray
    length_N: np.ndarray
    peak_N: np.ndarray
    document_N: np.ndarray
    more: dict[str, int] = field(default_factory=dict)

    @classmethod
    def around(cls, chosen: SelectedExamples, pieces: TokenStrings, width: int) -> Self:
        n = len(chosen.feature_N)
        text_NW, act_NW = np.zeros((n, width), np.int32), np.zeros((n, width), np.float32)
        return cls(chosen, pieces, text_NW, act_NW, np.zeros(n, np.int32), np.zeros(n, np.int32), np.empty(n, object))

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_context", np.argsort(self.chosen.context_N, kind="stable"))

    def fill(self, fired: Firings, rows: TokenRows) -> None:
        """Fills in the windows that lie in these contexts."""
        by_context: np.ndarray = self._by_context  # type: ignore[attr-defined]
        contexts = self.chosen.context_N[by_context]
        mine = by_context[slice(*np.searchsorted(contexts, [fired.first_context, fired.last_context + 1]))]
        row = rows.at(self.chosen.context_N[mine], self.chosen.position_N[mine])
        width = self.text_NW.shape[1]
        begin, end = rows.window(row, width)
        self.length_N[mine], self.peak_N[mine] = end - begin, row - begin
        self.document_N[mine] = np.array([c.document_id for c in rows.contexts], dtype=object)[rows.context_R[row]]
        texts_R = self._texts(rows)
        self.text_NW[mine] = texts_R[np.minimum(begin[:, None] + np.arange(width), len(texts_R) - 1)]
        example, at, act = _inside(fired, rows, self.chosen.feature_N[mine], begin, end)
        self.act_NW[mine[example], at - begin[example]] = act

    def part(self, first_context: int, last_context: int) -> "WindowPart":
        """What was filled in of the windows that lie in some contexts."""
        mine = np.flatnonzero((self.chosen.context_N >= first_context) & (self.chosen.context_N <= last_context))
        documents, document_N = np.unique(self.document_N[mine].astype(str), return_inverse=True)
        return WindowPart(
            mine,
            self.text_NW[mine],
            self.act_NW[mine],
            self.length_N[mine],
            self.peak_N[mine],
            document_N,
            tuple(documents.tolist()),
            tuple(self.more),
        )

    def take(self, part: "WindowPart") -> None:
        """Fills in what somebody else filled in of the same choice."""
        mine, known = part.example_M, len(self.pieces.texts)
        own = np.array([known + self.more.setdefault(text, len(self.more)) for text in part.more], np.int32)
        table = np.concatenate([np.arange(known, dtype=np.int32), own])
        self.text_NW[mine], self.act_NW[mine] = table[part.text_MW], part.act_MW
        self.length_N[mine], self.peak_N[mine] = part.length_M, part.peak_M
        self.document_N[mine] = np.array(part.documents, dtype=object)[part.document_M] if len(mine) else []

    def _texts(self, rows: TokenRows) -> np.ndarray:
        """Index of each row's text."""
        texts_R, first = rows.tokens_R.astype(np.int32), len(self.pieces.texts)
        for place, text in self.pieces.spelled(rows.tokens_R).items():
            texts_R[place] = first + self.more.setdefault(text, len(self.more))
        return texts_R

    def rows(self, model_id: str, recipe_id: str) -> pa.Table:
        """Grain: an example; the columns of the table `example` but its partition's keys."""
        c = self.chosen
        kinds = [KINDS[kind] for kind in c.kind_N.tolist()]
        intervals = [None if i < 0 else i for i in c.interval_N.tolist()]
        places = zip(c.feature_N.tolist(), kinds, intervals, c.context_N.tolist(), c.position_N.tolist(), strict=True)
        inside_NW = np.arange(self.text_NW.shape[1]) < self.length_N[:, None]
        offsets = pa.array(np.concatenate([[0], np.cumsum(self.length_N)]), pa.int32())
        words = pa.array([*self.pieces.texts, *self.more])
        return pa.Table.from_pydict(
            {
                "feature_id": pa.array(c.feature_N, pa.int32()),
                "kind": pa.array(kinds),
                "interval_index": pa.array(intervals, pa.int32()),
                "rank": pa.array(c.rank_N, pa.int32()),
                "example_id": pa.array([example_id(model_id, recipe_id, *place) for place in places], pa.string()),
                "context_id": pa.array(c.context_N, pa.int64()),
                "document_id": pa.array(self.document_N, pa.string()),
                "position": pa.array(c.position_N, pa.int64()),
                "activation": pa.array(c.act_N, pa.float64()),
                "tokens": pa.ListArray.from_arrays(offsets, words.take(pa.array(self.text_NW[inside_NW], pa.int32()))),
                "activations": pa.ListArray.from_arrays(offsets, pa.array(self.act_NW[inside_NW])),
                "peak": pa.array(self.peak_N, pa.int32()),
            },
            schema=EXAMPLE,
        )


@dataclass(frozen=True, slots=True)
class WindowPart:
    """Windows of some of the chosen examples, their texts as numbers: of the tokenizer's, then of `more`."""

    example_M: np.ndarray
    text_MW: np.ndarray
    act_MW: np.ndarray
    length_M: np.ndarray
    peak_M: np.ndarray
    document_M: np.ndarray
    """Number in `documents`."""
    documents: tuple[str, ...]
    more: tuple[str, ...]


def _inside(
    fired: Firings, rows: TokenRows, feature_N: np.ndarray, begin_N: np.ndarray, end_N: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The firings of each window's feature in it: number of the window, row of text, activation."""
    row_M, n_rows = rows.at(fired.contexts_M, fired.positions_M), len(rows.tokens_R)
    place_M = fired.features_M.astype(np.int64) * n_rows + row_M
    first_N, last_N = (np.searchsorted(place_M, feature_N * n_rows + edge_N) for edge_N in (begin_N, end_N))
    counts_N = last_N - first_N
    window = np.repeat(np.arange(len(feature_N)), counts_N)
    found = np.arange(counts_N.sum()) + np.repeat(first_N - (np.cumsum(counts_N) - counts_N), counts_N)
    return window, row_M[found], fired.acts_M[found]
