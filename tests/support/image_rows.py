"""Rows of the tables that only a vision model's dictionary has: one image, and one place in it."""

from typing import Any

from experiment_rows import plain_row

Rows = list[dict[str, Any]]


def image_rows() -> Rows:
    return [plain_row("image", width=8, height=8, view_width=8, view_height=8)]


def patch_rows() -> Rows:
    """The strongest of feature 0."""
    place = {"position_kind": "patch", "grid_rows": 2, "grid_cols": 2, "x1": 4, "y1": 4}
    return [plain_row("patch_example", interval_index=None, **place)]


def class_rows() -> Rows:
    return [plain_row("feature_class")]


def monosemanticity_rows() -> Rows:
    return [plain_row("monosemanticity", mean_similarity=0.25, n_images=4, n_firing_images=3)]
