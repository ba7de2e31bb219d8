"""What is known of features when they are labelled: windows, and what an LLM may be shown besides.

Axes: N examples of one feature.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from models.autointerp.example_set import ExampleSet

NEAR_MISSES = 8
"""Windows in which a feature is silent that a contrastive prompt shows."""


@dataclass(frozen=True)
class TopLogits:
    """Tokens that a feature makes more and less likely, most of all first."""

    promoted: list[str] = field(default_factory=list)
    suppressed: list[str] = field(default_factory=list)

    @classmethod
    def by_feature(cls, rows: pa.Table) -> dict[int, "TopLogits"]:
        """From rows of the table `logit_effect`."""
        found: dict[int, TopLogits] = {}
        for row in rows.sort_by([("feature_id", "ascending"), ("rank", "ascending")]).to_pylist():
            effects = found.setdefault(row["feature_id"], cls())
            (effects.promoted if row["direction"] == "positive" else effects.suppressed).append(row["token"])
        return found


@dataclass(frozen=True)
class ExplainerInputs:
    """Of all features of one dictionary."""

    gallery: ExampleSet
    effects: Mapping[int, TopLogits] = field(default_factory=dict)
    near_misses: Mapping[int, np.ndarray] = field(default_factory=dict)
    """Rows of the gallery, of the half that explains."""
    start_shares: Mapping[int, float] = field(default_factory=dict)
    """Share of each feature's firings at the start of a context, where it is known."""
    only_top: bool = False
    """Whether explainers see the strongest windows alone."""

    def windows(self, feature: int) -> np.ndarray:
        """Rows that the feature's label may be made from, strongest first; at least one of a feature that fires."""
        rows_N = self.gallery.for_explaining(feature)
        top_N = rows_N[self.gallery.is_top_R[rows_N]]
        return top_N if self.only_top and len(top_N) else rows_N
