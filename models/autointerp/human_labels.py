"""Labels that people wrote: what may be one, and the explanation that it becomes."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from models.autointerp.answer_schemas import LONGEST, checked_label
from models.autointerp.tables import Explanation
from storage.storable_text import storable
from storage.visible_text import visible

EXPLAINER = "human"
LONGEST_AUTHOR = 100
DIGITS = 12
"""Of a dictionary's hash that stand beside a label."""
_HASH = re.compile("[0-9a-f]{8,64}")


@dataclass(frozen=True, slots=True)
class HumanLabel:
    """One person's label of a feature; a feature has one from each author at most."""

    feature_id: int
    label: str
    author: str = ""
    """Who wrote it; empty where nobody is named."""
    written_at: datetime | None = None
    """UTC."""
    dictionary: str = ""
    """Of which dictionary it was written: the first digits of its weights' sha256; empty where nobody said. In one that
    was trained anew numbers mean other features."""

    def is_of(self, weights_sha256: str) -> bool:
        """Whether it may be of the dictionary with these weights."""
        return weights_sha256.startswith(self.dictionary)

    @property
    def key(self) -> tuple[int, str]:
        """What a second label with the same key would contradict."""
        return self.feature_id, self.author

    def explanation(self) -> Explanation:
        return Explanation(
            self.feature_id,
            EXPLAINER,
            self.label,
            "ok",
            None,
            author=self.author or None,
            created_at=self.written_at,
        )


def checked_human_label(
    feature_id: int, text: str, author: str = "", written_at: datetime | None = None, dictionary: str = ""
) -> HumanLabel:
    """A label as it is kept: in one line, with what no file could hold replaced.

    Raises:
        ValueError: If it is empty, too long, or the feature's own number; or the dictionary is no beginning of a hash.
    """
    if dictionary and not _HASH.fullmatch(dictionary):
        raise ValueError(
            f"dictionary = {visible(dictionary, 40)!r}: wanted 8 to 64 hexadecimal digits, with which the sha256 of "
            "the dictionary's weights begins, or nothing"
        )
    if len(text) > LONGEST:
        raise ValueError(
            f"the label has {len(text):,} characters, and {LONGEST} are allowed: say what the feature means in a "
            "sentence, and put the rest into a list of features (registry/lists), whose notes may be longer"
        )
    if len(author) > LONGEST_AUTHOR:
        raise ValueError(f"the author's name has {len(author):,} characters, and {LONGEST_AUTHOR} are allowed")
    try:
        label = checked_label(storable(text))
    except ValueError as error:
        raise ValueError(f"this is no label ({error}): say what the feature means") from error
    if label.lower().removeprefix("feature").strip(" #f") == str(feature_id) or label.endswith(f"/{feature_id}"):
        raise ValueError(f"{visible(label, 60)!r} is the feature's own number, no label: say what the feature means")
    return HumanLabel(feature_id, label, " ".join(storable(author).split()), written_at, dictionary)


def require_known_features(labels: Iterable[HumanLabel], n_features: int, sae_id: str) -> None:
    """Raises ValueError if a label is of a feature that the dictionary does not have."""
    if beyond := sorted({label.feature_id for label in labels if not 0 <= label.feature_id < n_features}):
        named = ", ".join(map(str, beyond[:5]))
        raise ValueError(
            f"{sae_id} has features 0 to {n_features - 1}, and a person's label is of {named}: correct the number"
        )


def human_explanations(labels: Sequence[HumanLabel]) -> list[Explanation]:
    """An explanation for each label."""
    return [label.explanation() for label in labels]
