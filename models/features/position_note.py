"""Whether the features of a dictionary are about position rather than text."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

ENOUGH = 5
"""Firings from which a feature can be said to fire at one position only."""
NEARLY_ALL = 0.95
"""Share of the firings that is taken for all."""
AS_DENSE = 0.02
"""Relative difference below which a density is that of a position."""
MANY = 0.1
"""Share of the live features that no density has by chance."""


def position_note(
    feature: Mapping[str, Sequence[Any]], positions: Sequence[Mapping[str, Any]], bound: float
) -> tuple[str | None, dict[str, float]]:
    """Whether the features of a dictionary are about position rather than text, in a sentence, and the numbers behind
    it.

    Args:
        feature: Columns of the table `feature`.
        positions: Of the site's profile (`models.activations.activation_profile`).
        bound: Share of the live features that may fire at one position only.
    """
    n_F, share_F = (np.array(feature[name], dtype=float) for name in ("n_firings", "top_position_share"))
    alive_F, density_F = n_F > 0, n_F / max(feature["n_tokens"][0], 1)
    n_alive = max(int(alive_F.sum()), 1)
    at_one = float(((n_F >= ENOUGH) & (np.nan_to_num(share_F) >= NEARLY_ALL)).sum() / n_alive)
    of_first = positions[0]["n_tokens"] / max(sum(row["n_tokens"] for row in positions), 1)
    as_dense = float((alive_F & (np.abs(density_F - of_first) <= AS_DENSE * of_first)).sum() / n_alive)
    median = float(np.median(density_F[alive_F])) if alive_F.any() else 0.0
    numbers = {
        "one_position_fraction": at_one,
        "median_density": median,
        "density_of_the_first_position": of_first,
        "features_of_that_density": as_dense,
    }
    if at_one > bound:
        return (
            f"{at_one:.1%} of the live features fire at one position of the contexts only, at most {bound:.1%} may: "
            "they are about an attention sink or about position, not text; set prepend_bos: auto and skip_first: auto "
            "in the model card",
            numbers,
        )
    if as_dense > MANY and abs(median - of_first) <= AS_DENSE * of_first:
        return (
            f"the median density {median:.4g} is that of one position of the contexts, and {as_dense:.1%} of the live "
            "features have it: they may be about position, not text; look at feature.top_position",
            numbers,
        )
    return None, numbers
