"""What the settings of every method that reads a set of labelled texts have."""

from typing import Annotated, Literal

from models.bounds import Bounds
from models.experiments.settings_base import ExperimentSettings


class TextSetSettings(ExperimentSettings):
    """Texts with a label, read by a dictionary: what is made of a text, and which ones are tested on."""

    prompt_kinds = ("labelled",)
    dictionary = "required"
    prompts_per_chunk = None

    pool: Literal["mean", "max", "last"] = "mean"
    """What is made of a text's tokens: the mean or the largest of each activation, or the last token's."""
    lengths: Literal["checked", "matched", "as_they_are"] = "checked"
    """`checked` refuses labels whose texts are longer than the others'; `matched` cuts texts so that all labels have
    the same lengths; `as_they_are` lets length be told."""
    skip_tokens: Annotated[int, Bounds(0, 100)] = 1
    """Tokens of a text that are not read, from its first, special ones included: there the stream of most models is far
    longer than elsewhere, and says nothing of the text."""
    fewest_texts: Annotated[int, Bounds(2, 100_000)] = 20
    """Texts that each label has to have: fewer say nothing of a feature that fires seldom."""
    test_share: Annotated[float, Bounds(0.05, 0.9)] = 0.3
    """Share of the groups that are kept for the test, where the set does not say itself."""
