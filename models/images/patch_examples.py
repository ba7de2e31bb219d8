"""Where examples of features lie in their images: place, box, and all places where the feature fires there.

N examples, M firings.
"""

from collections.abc import Iterable
from itertools import repeat
from typing import Any

import numpy as np
import pyarrow as pa

from models.vision_model.receptive_field import ReceptiveField
from models.vision_model.token_grid import TokenGrid
from storage.table_schemas import rows_as_table

FIRED = tuple[int, int, np.ndarray, np.ndarray, np.ndarray, np.ndarray]
"""First and last image of some consecutive ones; feature, image, position and activation of their firings, by feature
and then by image."""


def patch_examples(
    examples: pa.Table, fired: Iterable[FIRED], grid: TokenGrid, field: ReceptiveField, n_images: int
) -> pa.Table:
    """Grain: an example, as in the table `example`.

    Args:
        examples: Rows of `example`; context_id is the image.
        fired: All firings, images ascending.
        grid: Of the site.
        field: Boxes of its positions.
        n_images: Of the corpus.
    """
    feature_N, image_N = (examples.column(name).to_numpy() for name in ("feature_id", "context_id"))
    cells: list[np.ndarray] = [np.empty(0, np.int64)] * len(feature_N)
    acts: list[np.ndarray] = [np.empty(0, np.float32)] * len(feature_N)
    for first, last, feature_M, context_M, position_M, act_M in fired:
        key_M = feature_M.astype(np.int64) * n_images + context_M
        mine = np.flatnonzero((image_N >= first) & (image_N <= last))
        key_N = feature_N[mine].astype(np.int64) * n_images + image_N[mine]
        for example, begin, end in zip(
            mine.tolist(), np.searchsorted(key_M, key_N), np.searchsorted(key_M, key_N, "right"), strict=True
        ):
            is_patch = position_M[begin:end] >= grid.n_leading
            cells[example] = (position_M[begin:end] - grid.n_leading)[is_patch]
            acts[example] = act_M[begin:end][is_patch]
    same = repeat(grid), repeat(field)
    return rows_as_table("patch_example", map(_row, examples.to_pylist(), cells, acts, *same))


def _row(
    example: dict[str, Any], cells: np.ndarray, acts: np.ndarray, grid: TokenGrid, field: ReceptiveField
) -> dict[str, Any]:
    position = example["position"]
    row, col = grid.place(position) or (None, None)
    kept = ("feature_id", "kind", "interval_index", "rank", "example_id", "activation")
    box = dict(zip(("x0", "y0", "x1", "y1"), field.box(grid, position), strict=True))
    places = {"row": row, "col": col, "grid_rows": grid.rows, "grid_cols": grid.cols}
    image = {"image_id": example["context_id"], "position_kind": grid.kind(position)}
    fired = {"cells": cells.tolist(), "cell_activations": acts.tolist()}
    return {name: example[name] for name in kept} | image | places | box | fired
