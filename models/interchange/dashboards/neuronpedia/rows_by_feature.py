"""Rows of a table, feature by feature."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa


class RowsByFeature:
    """A table sorted by feature and by some columns after that; one feature's rows are taken as dicts."""

    def __init__(self, rows: pa.Table, *order: tuple[str, str]) -> None:
        self._rows = rows.sort_by([("feature_id", "ascending"), *order])
        self._features = self._rows.column("feature_id").to_numpy()

    def __getitem__(self, feature: int) -> list[dict[str, Any]]:
        first, last = np.searchsorted(self._features, np.array([feature, feature + 1], self._features.dtype))
        return self._rows.slice(first, last - first).to_pylist()

    def __iter__(self) -> Iterator[int]:
        return iter(np.unique(self._features).tolist())
