"""Whether a dictionary has the L0 that its recipe wants: top-k at most k for every token, others k on average, within a
tolerance."""

from collections.abc import Mapping

from models.dictionaries.config import SAESettings


def largest_l0(settings: SAESettings, tolerance: float) -> float | None:
    """The largest L0 that is as wanted; None where training aims at none."""
    if not settings.wants_l0:
        return None
    return settings.k * (1.0 if settings.architecture == "topk" else 1 + tolerance)


def has_wanted_l0(settings: SAESettings, l0: float, tolerance: float) -> bool:
    """Whether an L0 is neither above nor, where it is an average, below what was wanted by more than the tolerance."""
    if not settings.wants_l0:
        return True
    if settings.architecture == "topk":
        return l0 <= settings.k
    return abs(l0 / settings.k - 1) <= tolerance


def is_as_trained(calibration: Mapping[str, Mapping[str, float]], tolerance: float) -> bool:
    """Whether the FVU of the exported dictionary is not above that in training by more than the tolerance.

    Args:
        calibration: `l0` and `fvu` of the stages `trained` and `exported`, on the same held-out tokens.
    """
    return calibration["exported"]["fvu"] <= calibration["trained"]["fvu"] * (1 + tolerance) + 1e-6
