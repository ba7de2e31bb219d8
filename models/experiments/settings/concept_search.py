"""Settings of a concept search."""

from typing import Annotated, ClassVar, Literal

from models.bounds import Bounds
from models.experiments.text_set_settings import TextSetSettings


class ConceptSearchSettings(TextSetSettings):
    """Which features of a dictionary tell the texts of each label from the others: tested on training texts, with the
    false discoveries among all features held to a share, and judged as detectors on texts of other groups. Texts are
    cut so that length says nothing of the label."""

    question = "Which features tell these texts from those?"
    tables = ("feature_contrast", "feature_contrast_text")
    pasted_texts: ClassVar[bool] = True

    pool: Literal["mean", "max", "last"] = "max"
    """What is made of a text's tokens: the mean or the largest of each activation, or the last token's."""
    lengths: Literal["checked", "matched", "as_they_are"] = "matched"
    """`checked` refuses labels whose texts are longer than the others'; `matched` cuts texts so that all labels have
    the same lengths; `as_they_are` lets length be told."""
    labels: list[str] | None = None
    """Labels that are told from all others; null for each, or of two for the second alone."""
    kept_features: Annotated[int, Bounds(1, 100_000)] = 200
    """Features that are kept of each label, those whose area is farthest from a half."""
    shown_texts: Annotated[int, Bounds(0, 100)] = 3
    """Test texts that are kept of each kind: told right, false alarms, misses."""
    texts_of: Annotated[int, Bounds(0, 10_000)] = 10
    """Features whose test texts are kept."""
