"""Limits that the asset checks hold a dictionary's numbers to, as a recipe says them."""

from pydantic import NonNegativeFloat

from models.config_base import Settings


class QualityBounds(Settings):
    """Limits that the asset checks hold the numbers to."""

    max_fvu: NonNegativeFloat = 0.5
    max_dead_fraction: NonNegativeFloat = 0.2
    min_ce_recovered: float = 0.8
    max_one_position_fraction: NonNegativeFloat = 0.05
    """Share of the live features that fire at one position of the contexts only."""
    max_l0_error: NonNegativeFloat = 0.1
    """Distance of L0 from k, as a share of k, where k is an average. Held-out documents are a little unlike the others:
    on the demo an L0 that is 31 on what was trained on is 34 on them."""
