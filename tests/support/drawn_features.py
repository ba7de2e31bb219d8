"""Drawn images with planted features: red squares, blue squares and stripes on grey, each at known places of a grid."""

import hashlib
import io
from typing import Any

import numpy as np
import pyarrow as pa
from PIL import Image

from models.autointerp.feature_data import FeatureData
from models.autointerp.image_example_set import ImageExampleSet
from storage.table_schemas import rows_as_table

VIEW, GRID = 64, 4
CELL = VIEW // GRID
PLANTED = ("red", "stripes", "blue")
"""What each feature fires on, by its number."""
N_LEADING = 1


def drawn(patterns: dict[int, str], seed: int) -> Image.Image:
    """Grey, with a pattern in some cells."""
    pixels = np.full((VIEW, VIEW, 3), 190.0) + np.random.default_rng(seed).normal(0, 4, (VIEW, VIEW, 1))
    for cell, pattern in patterns.items():
        y, x = cell // GRID * CELL, cell % GRID * CELL
        block = pixels[y : y + CELL, x : x + CELL]
        if pattern == "stripes":
            block[:] = np.where(np.arange(CELL) // 2 % 2, 235.0, 20.0)[None, :, None]
        else:
            block[:] = (220, 25, 25) if pattern == "red" else (25, 25, 220)
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def jpeg(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "JPEG", quality=90)
    return out.getvalue()


class DrawnFeatures:
    """Images, and rows of `example` and `patch_example` as the statistics would write them of features that fire on the
    patterns."""

    def __init__(self, n_images: int = 60, seed: int = 0) -> None:
        draw = np.random.default_rng(seed)
        self.patterns: list[dict[int, str]] = []
        for _ in range(n_images):
            kinds = draw.permutation(PLANTED)[: draw.integers(1, 3)].tolist()
            cells = draw.permutation(GRID * GRID)[: len(kinds)].tolist()
            self.patterns.append(dict(zip(cells, kinds, strict=True)))
        self.thumbs: list[bytes | None] = [jpeg(drawn(each, n)) for n, each in enumerate(self.patterns)]
        self.strength = draw.uniform(0.2, 1.0, (n_images, len(PLANTED)))
        self.rows: list[dict[str, Any]] = []
        self.places: list[dict[str, Any]] = []
        for feature, pattern in enumerate(PLANTED):
            self._add(feature, pattern)

    def _add(self, feature: int, pattern: str) -> None:
        fires = [n for n, each in enumerate(self.patterns) if pattern in each.values()]
        fires.sort(key=lambda n: -self.strength[n, feature])
        silent = [n for n in range(len(self.patterns)) if n not in fires]
        for rank, image in enumerate(fires[:5]):
            self._row(feature, "top", None, rank, image)
        for rank, image in enumerate(fires):
            self._row(feature, "interval", 3 - 4 * rank // len(fires), rank, image)
        for rank, image in enumerate(silent[:16]):
            self._row(feature, "control", None, rank, image)

    def _row(self, feature: int, kind: str, interval: int | None, rank: int, image: int) -> None:
        cells = [cell for cell, pattern in self.patterns[image].items() if pattern == PLANTED[feature]]
        activation = float(np.float32(self.strength[image, feature])) if cells else 0.0
        cell = cells[0] if cells else (7 * image + feature) % (GRID * GRID)
        name = hashlib.sha256(f"{feature} {kind} {interval} {rank}".encode()).hexdigest()[:16]
        shared = {"feature_id": feature, "kind": kind, "interval_index": interval, "rank": rank, "example_id": name}
        row, col = divmod(cell, GRID)
        self.rows.append(
            shared
            | {"context_id": image, "document_id": f"image {image}", "position": N_LEADING + cell, "peak": 0}
            | {"activation": activation, "tokens": [f"row {row}, column {col}"], "activations": [activation]}
        )
        self.places.append(
            shared
            | {"image_id": image, "position_kind": "patch", "row": row, "col": col, "activation": activation}
            | {"grid_rows": GRID, "grid_cols": GRID, "x0": col * CELL, "y0": row * CELL}
            | {"x1": (col + 1) * CELL, "y1": (row + 1) * CELL}
            | {"cells": cells, "cell_activations": [activation] * len(cells)}
        )

    def with_pictures(self, examples: pa.Table) -> ImageExampleSet:
        patches = rows_as_table("patch_example", self.places)
        return ImageExampleSet.of_images(examples, patches, N_LEADING, lambda image: self.thumbs[image], (VIEW, VIEW))

    def material(self, **more: Any) -> FeatureData:
        return FeatureData("seen/drawn", rows_as_table("example", self.rows), images=self.with_pictures, **more)
