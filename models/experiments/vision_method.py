"""What a method that asks a vision model is, and what it is given: the twin of `models.experiments.method`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from models.experiments.feature_dictionary import FeatureDictionary
from models.experiments.kept_results import KeptResults, NothingKept
from models.experiments.method import PassCount, Rows
from models.experiments.settings_base import ExperimentSettings
from models.experiments.vision_image import VisionImage
from models.vision_model.vision_model import VisionModel

S = TypeVar("S", bound=ExperimentSettings)


@dataclass(frozen=True, slots=True)
class VisionInput(Generic[S]):
    """What a method works on, checked before it begins."""

    host: VisionModel
    settings: S
    dictionaries: Sequence[FeatureDictionary] = ()
    images: Sequence[VisionImage] = ()
    """Those of the card's prompt set, of a method that reads one."""
    seed: int = 0
    kept: KeptResults = field(default_factory=NothingKept)

    @property
    def dictionary(self) -> FeatureDictionary | None:
        """The only dictionary, where the card names one."""
        return self.dictionaries[0] if self.dictionaries else None


def _nothing_to_check(given: VisionInput[Any]) -> None:
    return None


def _no_summary(given: VisionInput[Any], rows: Rows) -> Rows:
    return {}


@dataclass(frozen=True, kw_only=True)
class VisionMethod(Generic[S]):
    """One way to ask what a part of a vision model does."""

    settings: type[S]
    items: Callable[[VisionInput[S]], Sequence[Any]]
    """What is measured one after the other: images, or units."""
    measure: Callable[[VisionInput[S], Sequence[Any]], Rows]
    """Rows of some items."""
    passes: Callable[[VisionInput[S]], PassCount]
    """What all items will cost, without running any."""
    check: Callable[[VisionInput[S]], None] = _nothing_to_check
    """Raises ValueError, with what was found and what was wanted, before any pass."""
    summarize: Callable[[VisionInput[S], Rows], Rows] = _no_summary
    """Rows of further tables, worked out of those of all items."""
