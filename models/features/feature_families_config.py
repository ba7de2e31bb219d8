"""How the features of a dictionary are grouped into families and trees."""

from typing import Annotated, Literal

from models.bounds import MOST_FEATURES, Bounds
from models.config_base import MethodSettings


class FeatureFamilySettings(MethodSettings):
    """How the features of a dictionary are grouped into families and trees."""

    section = "feature_families"

    neighbors: Annotated[int, Bounds(1, 1_000)] = 5
    """Nearest features by decoder cosine among which two have to find each other."""
    least_cosine: Literal["auto"] | Annotated[float, Bounds(-1, 1)] = "auto"
    """Mean cosine within a family, at least. `auto` is 1.5 times what one of as many random directions of
    that width has with its nearest."""
    fewest_members: Annotated[int, Bounds(2, MOST_FEATURES)] = 3
    """Features from which on a group is a family."""
    parent_share: Annotated[float, Bounds(0.5, 1)] = 0.9
    """Share of a feature's firings at which a parent fires too."""
    parent_rate: Annotated[float, Bounds(1, 1_000)] = 1.2
    """How many times as often a parent fires, at least."""
    parent_lift: Annotated[float, Bounds(1, 10**6)] = 2.0
    """How many times as often the two fire together as chance would have it, at least."""
    absorbed_cosine: Annotated[float, Bounds(-1, 1)] = 0.4
    """Cosine from which a feature that hardly ever fires with a more frequent one is taken for absorbing it."""
    absorbed_share: Annotated[float, Bounds(0, 1)] = 0.1
    """Share of what chance would have, up to which two hardly ever fire together."""
    fewest_firings: Annotated[int, Bounds(1, 10**9)] = 20
    """Firings of a feature that is given a parent, at least; a quarter of it are the joint firings due by chance below
    which an absence says nothing."""
