"""What an experiment method is, and what it is given: each a file of `models/experiments/methods` with one `METHOD`."""

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from models.experiments.feature_dictionary import FeatureDictionary
from models.experiments.kept_results import KeptResults, NothingKept
from models.experiments.prompt_encoding import EncodedPrompt
from models.experiments.settings_base import ExperimentSettings
from models.language_model.hooked_model import HookedModel
from storage.folder import Folder

if TYPE_CHECKING:
    from models.autointerp.llm_client.runner import LLM
    from models.experiments.other_model import OtherModel

S = TypeVar("S", bound=ExperimentSettings)

Rows = Mapping[str, Sequence[Mapping[str, Any]]]
"""Rows by table, without the columns model_id and experiment_id."""


@dataclass(frozen=True, slots=True)
class PassCount:
    """Passes that an experiment costs; a pass of a batch counts once for each of its rows."""

    forward: int
    backward: int = 0

    def __add__(self, other: "PassCount") -> "PassCount":
        return PassCount(self.forward + other.forward, self.backward + other.backward)


@dataclass(frozen=True, slots=True)
class ExperimentInput(Generic[S]):
    """What a method works on, checked before it begins."""

    host: HookedModel
    settings: S
    prompts: Sequence[EncodedPrompt]
    """All of the experiment's; a chunk of them is measured at a time."""
    prefix: tuple[int, ...] = ()
    """Special tokens that stand before every text."""
    dictionaries: Sequence[FeatureDictionary] = ()
    """Those of the card's recipes."""
    seed: int = 0
    judge: "Callable[[], LLM] | None" = None
    """Opens the LLM that rates what the model writes, where the settings name one."""
    kept: KeptResults = field(default_factory=NothingKept)
    """Intermediate results, for a method that takes all prompts together."""
    other: "OtherModel | None" = None
    """The model that is compared with, where the settings name one."""
    tagged: Mapping[int, str] = field(default_factory=dict)
    """What features of the dictionary might warn of, as lists of the registry say, where the method reads tags."""
    fits: Folder | None = None
    """Where what is fitted on ordinary text is kept for further experiments on the same model; None keeps nothing."""

    @property
    def dictionary(self) -> FeatureDictionary | None:
        """The only dictionary, where the card names one."""
        return self.dictionaries[0] if self.dictionaries else None

    @property
    def compared(self) -> "OtherModel":
        """The other model of a method that compares two."""
        assert self.other is not None, "the settings of a comparison name another model"
        return self.other

    @property
    def features(self) -> FeatureDictionary:
        """The dictionary of a method that requires one."""
        assert self.dictionary is not None, "the card names a recipe where the settings class requires it"
        return self.dictionary


def _nothing_to_check(given: ExperimentInput[Any]) -> None:
    return None


def _no_summary(given: ExperimentInput[Any], rows: Rows) -> Rows:
    return {}


@dataclass(frozen=True, kw_only=True)
class ExperimentMethod(Generic[S]):
    """One way to ask what a part of the model does."""

    settings: type[S]
    measure: Callable[[ExperimentInput[S], Sequence[EncodedPrompt]], Rows]
    """Rows of some prompts. Equal prompts give equal rows, in whatever chunk they come."""
    passes: Callable[[ExperimentInput[S]], PassCount]
    """What all prompts will cost, without running any."""
    check: Callable[[ExperimentInput[S]], None] = _nothing_to_check
    """Raises ValueError, with what was found and what was wanted, before any pass."""
    summarize: Callable[[ExperimentInput[S], Rows], Rows] = _no_summary
    """Rows of further tables, worked out of those of all prompts, or of the same with more in them."""


def method_of(name: str) -> ExperimentMethod[Any]:
    """The method of a name that `method_names` lists."""
    return importlib.import_module(f"models.experiments.methods.{name}").METHOD
