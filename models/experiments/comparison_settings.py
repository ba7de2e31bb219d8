"""What the settings of every method that compares a model with another have."""

from typing import Annotated, ClassVar

from models.bounds import Bounds
from models.experiments.settings_base import ExperimentSettings


class ComparisonSettings(ExperimentSettings):
    """Two models that read the same texts."""

    prompt_kinds = ("prompts", "labelled")
    dictionary = "required"
    prompts_per_chunk = None
    reads_other_dictionary: ClassVar[bool] = True
    """Whether the other model's own dictionary is read."""

    other_model: str = ""
    """model_id of the model that is compared with."""
    other_revision: str = ""
    """Branch, tag or commit of the other model on the hub, in the place of its card's: with the card's own model as the
    other, a later revision is compared with the pinned one, whenever it moves."""
    other_recipe: str = ""
    """Recipe of its dictionary; empty for the card's own `recipe`."""
    skip_tokens: Annotated[int, Bounds(0, 100)] = 1
    """Tokens of a text that are not read, from its first, special ones included."""
