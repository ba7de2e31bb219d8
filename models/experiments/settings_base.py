"""What the settings of every experiment method say beside their fields, and which methods there are."""

import importlib
import pkgutil
from functools import cache
from typing import TYPE_CHECKING, ClassVar, Literal

import models.experiments.settings
from models.config_base import Settings

if TYPE_CHECKING:
    from models.autointerp.config import ExplanationSettings

PromptKind = Literal["prompts", "contrast_pairs", "labelled", "parallel", "chat", "images", "image_pairs"]


class ExperimentSettings(Settings):
    """The section `settings` of an experiment card; its subclass stands in `models/experiments/settings/<method>.py`.

    Every setting has a default: a card that leaves one out means the default.
    """

    question: ClassVar[str]
    """What the method asks, as a sentence with a question mark."""
    tables: ClassVar[tuple[str, ...]]
    """Tables that it fills, beside `experiment` and `prompt`."""
    code_version: ClassVar[str] = "1"
    """Raised when the method makes other numbers from the same card."""
    asks: ClassVar[Literal["language", "vision"]] = "language"
    """Which models the method asks."""
    prompt_kinds: ClassVar[tuple[PromptKind, ...]] = ("prompts",)
    """Which prompt sets it reads; of a method that asks about units alone none, and its cards name no set."""
    dictionary: ClassVar[Literal["none", "optional", "required", "several"]] = "none"
    """Whether the card names a recipe, whose dictionary is read or edited; `several`: one or more."""
    needs_answer: ClassVar[bool] = False
    """Whether each prompt names the token that is asked for."""
    needs_foil: ClassVar[bool] = False
    """Whether it names the token that the answer is compared with."""
    prompts_per_chunk: ClassVar[int | None] = 8
    """Prompts that are measured together and stored before the next are begun; None where all belong together."""
    judge_prompts: ClassVar[tuple[str, ...]] = ()
    """Files of `models/autointerp/prompts` that a judge is sent, where one is named."""
    pasted_texts: ClassVar[bool] = False
    """Whether it can be asked by hand with some texts that have a property and some that do not."""
    feature_settings: ClassVar[tuple[str, ...]] = ()
    """Settings that name features by number."""
    reads_tags: ClassVar[bool] = False
    """Whether it is about the features that lists of the registry tag."""
    not_by_hand: ClassVar[tuple[str, ...]] = ()
    """Settings that have no meaning for one prompt that is answered at once."""

    def judging(self) -> "ExplanationSettings | None":
        """Who judges what is written, as the label engine is told it; None where nobody does."""
        return None


def method_names() -> tuple[str, ...]:
    """Every method there is, sorted: a new one is one more file."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(models.experiments.settings.__path__)))


@cache
def settings_of(method: str) -> type[ExperimentSettings]:
    """The settings class of a method.

    Raises:
        TypeError: If its file defines none or two, or a setting has no default.
    """
    module = importlib.import_module(f"models.experiments.settings.{method}")
    own = [value for value in vars(module).values() if isinstance(value, type) and value.__module__ == module.__name__]
    kinds = [value for value in own if issubclass(value, ExperimentSettings)]
    if len(kinds) != 1:
        raise TypeError(f"{module.__name__} defines {len(kinds)} classes of ExperimentSettings: define one")
    if required := [name for name, field in kinds[0].model_fields.items() if field.is_required()]:
        raise TypeError(f"{module.__name__}: {', '.join(required)} has no default, and cards may leave it out: give it")
    return kinds[0]
