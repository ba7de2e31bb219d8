"""Quantities added up document by document: ratios of them have intervals that know how alike the tokens of a document
are.

Axes: B contexts of a batch, P positions, C documents.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from torch import Tensor

from models.activations.site_reading import PaddedBatch
from models.corpora.contexts import Context
from models.numerics.bootstrap import ratio_interval


@dataclass(frozen=True, slots=True)
class Metric:
    """A number, the ends of its 95 % interval where it has one, and what it was measured on."""

    value: float
    n_tokens: int
    interval: tuple[float, float] | None = None
    n_documents: int | None = None


@dataclass(slots=True)
class DocumentSums:
    """Quantities added up by document, in float64: what ratios and their intervals are made of."""

    document_of: np.ndarray
    """The document, as a number, of each context."""
    sums: dict[str, np.ndarray] = field(default_factory=dict)

    @classmethod
    def over(cls, contexts: Sequence[Context]) -> "DocumentSums":
        names = {name: number for number, name in enumerate(dict.fromkeys(c.document_id for c in contexts))}
        return cls(np.array([names[c.document_id] for c in contexts]))

    def add(self, name: str, batch: PaddedBatch, mask_BP: Tensor, values: Tensor) -> None:
        """Adds a value for each of the batch's tokens under the mask, row by row."""
        document = self.document_of[batch.contexts_B[mask_BP.nonzero()[:, 0]].numpy()]
        n = int(self.document_of.max()) + 1
        added = np.bincount(document, values.double().cpu().numpy(), n)
        self.sums[name] = self.sums.get(name, np.zeros(n)) + added

    def total(self, name: str) -> float:
        return float(self.sums[name].sum())

    def ratio(self, above: str, below: str, *, less: str | None = None, less_below: str | None = None) -> Metric | None:
        """One sum over another, each less a third where one is named; None where there is nothing below."""
        above_C = self.sums[above] - (self.sums[less] if less else 0.0)
        below_C = self.sums[below] - (self.sums[less_below] if less_below else 0.0)
        if not below_C.sum():
            return None
        n_tokens = self.sums["predicted" if above in _PREDICTED else "rows"]
        n_documents = int((n_tokens > 0).sum())
        value = float(above_C.sum() / below_C.sum())
        return Metric(value, int(n_tokens.sum()), ratio_interval(above_C, below_C), n_documents)


_PREDICTED = {"clean", "spliced", "ablated", "divergence"}
"""Sums over tokens that are predicted; the others are over tokens that are read."""
