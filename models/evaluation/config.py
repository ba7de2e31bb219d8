"""Limits that the asset checks hold a dictionary's numbers to, as a recipe says them."""

from typing import Annotated

from models.bounds import Bounds, Fraction
from models.config_base import Settings


class QualityBounds(Settings):
    """Limits that the asset checks hold the numbers to."""

    max_fvu: Annotated[float, Bounds(0, 1_000)] = 0.5
    """Fraction of variance unexplained."""
    max_dead_fraction: Fraction = 0.2
    """Fraction of the features that are never active."""
    min_ce_recovered: Annotated[float, Bounds(-1_000, 1)] = 0.8
    """Fraction of the cross-entropy loss recovered."""
    max_one_position_fraction: Fraction = 0.05
    """Fraction of the live features that are active at one position of the contexts only."""
    max_l0_error: Annotated[float, Bounds(0, 1_000)] = 0.1
    """Distance of L0 from k as a fraction of k, where k is an average. Held-out documents differ a little from the
    others: on the demo an L0 of 31 in training is 34 on them."""
