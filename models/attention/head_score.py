"""What is known of one head by one score, beside what chance would give."""

from dataclasses import dataclass
from typing import Literal

from models.attention.head import Head

ScoreName = Literal[
    "induction",
    "previous_token",
    "duplicate_token",
    "ov_copying",
    "ov_positivity",
    "effective_ov_copying",
    "effective_ov_positivity",
    "qk_matching",
]


@dataclass(frozen=True, slots=True)
class HeadScore:
    """A score of at most 1; the positivity of a circuit may be negative, the others not."""

    head: Head
    name: ScoreName
    value: float | None
    """None where it cannot be measured."""
    standard_error: float | None
    baseline: float | None
    """What a head would score that does not look at what the score is about."""
    n: int
    """Sequences or tokens that were averaged."""
    lack: str | None = None
    """Why there is no value."""

    def is_above(self, threshold: float) -> bool:
        """Whether it exceeds its baseline by so much."""
        return self.value is not None and self.value - (self.baseline or 0) >= threshold
