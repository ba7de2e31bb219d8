"""Settings of feature monitors."""

from typing import Annotated, ClassVar

from models.bounds import Bounds, FeatureNumber
from models.experiments.comparison_settings import ComparisonSettings


class FeatureMonitorSettings(ComparisonSettings):
    """A standing prompt set is read by a model and by one that is watched: a revision to come, or what was tuned from
    it. Each tagged feature's rate in the watched model is held against the band of its rate in the first, over draws of
    the prompts' groups; so are the dictionary's FVU and the number of features that drifted at all. What lies outside
    is an alert: a row, a failed check of the asset, a line on the page of experiments. That a feature fires more often
    is no proof that the model does what its tag says."""

    question = "Do tagged features of a new revision fire as often as they did?"
    tables = ("alert",)
    reads_other_dictionary: ClassVar[bool] = False
    reads_tags: ClassVar[bool] = True
    feature_settings: ClassVar[tuple[str, ...]] = ("features",)

    features: tuple[FeatureNumber, ...] = ()
    """Features that are watched beside those that lists of the registry tag."""
    band: Annotated[float, Bounds(0.5, 0.9999)] = 0.99
    """Share of the draws that the bands of all watched features hold together: one lies outside by chance in one of a
    hundred runs."""
    most_fvu: Annotated[float, Bounds(1, 1_000)] = 1.5
    """Times its FVU on the first model, from which the dictionary's codes no longer mean the same."""
    most_drifted: Annotated[int, Bounds(0, 2**31 - 1)] = 0
    """Features that may have drifted (false discoveries held to .05, twice or half as often)."""
