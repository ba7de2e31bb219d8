"""What changed in the registry since it was last looked at, card by card.

A change is a transition, and transitions are numbered: a card that is changed and changed back has changed twice.
"""

import time
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ValidationError

from pipelines.registry.registry import SAERegistration

Change = Literal["chain", "labels"]
"""What is to be made again: all of a partition, or its labels only."""


class SeenRegistration(BaseModel, frozen=True):
    """What is kept of a registration: enough of its two hashes to tell changes by, and when its cards were written."""

    chain: str
    labels: str
    written: str

    @classmethod
    def of(cls, registration: SAERegistration) -> "SeenRegistration":
        hashes = registration.chain_identity, registration.labels_identity
        return cls(chain=hashes[0][:16], labels=hashes[1][:16], written=registration.cards_written)


class SeenRegistry(BaseModel, frozen=True):
    """The registry as it was seen last: a sensor's cursor."""

    transition: int
    """The number that the next transition gets. The first is a time: where the cursor was lost, no number comes
    twice."""
    seen: dict[str, SeenRegistration] = {}

    @classmethod
    def parse(cls, cursor: str | None) -> "SeenRegistry":
        """The registry that a cursor keeps; one that nobody saw yet where there is none, or one of another version."""
        try:
            return cls.model_validate_json(cursor or "")
        except ValidationError:
            return cls(transition=time.time_ns() // 1000)

    def after(self, seen: dict[str, SeenRegistration]) -> "SeenRegistry":
        return SeenRegistry(transition=self.transition + 1, seen=self.seen | seen)


@dataclass(frozen=True, slots=True)
class Transition:
    """From what a registration was to what it is."""

    number: int
    partition: str
    """A sae_id, or `{model_id}/{experiment_id}`."""
    before: SeenRegistration | None
    now: SeenRegistration

    @property
    def change(self) -> Change | None:
        """What the cards now ask for in another way."""
        if self.before is None or self.before.chain != self.now.chain:
            return "chain"
        return "labels" if self.before.labels != self.now.labels else None

    @property
    def was_touched(self) -> bool:
        """Whether a card was written, be it with the same content."""
        return self.before is not None and self.before != self.now

    @property
    def key(self) -> str:
        """Names the transition, not the content that it leads to: no run is started twice by one key."""
        before = f"{self.before.chain[:8]}+{self.before.labels[:8]}" if self.before else "nothing"
        return f"{self.partition} {self.number}: {before} -> {self.now.chain[:8]}+{self.now.labels[:8]}"
