"""What a harvest says of a model and of one of its sites."""

from typing import Any


def frame_row() -> dict[str, Any]:
    frame = {"candidate": "<bos>", "prefix": [0], "suffix": [], "is_chosen": True, "skip_first": 0}
    return frame | {"n_sinks": 0, "variance_share": 0.02, "position": 0, "layer": 1, "outlier_share": 0.0}


def site_row() -> dict[str, Any]:
    counts = {"n_tokens": 1000, "n_special": 10, "n_skipped": 0, "n_outliers": 1}
    norms = {"median_norm": 3.0, "norm_limit": 30.0, "norm_quantiles": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]}
    return counts | norms | {"variance": 9.0, "largest_rows_share": 0.04, "rounding_share": 1e-6}


def profile_rows() -> list[dict[str, Any]]:
    row = {"n_tokens": 500, "n_outliers": 0, "mean_norm": 3.0, "variance_share": 0.5}
    return [row | {"position_first": first, "position_last": first} for first in (1, 2)]
