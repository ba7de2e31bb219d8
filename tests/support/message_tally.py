"""What the server on this machine was sent and what it billed, alone and in batches."""

import hashlib
import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

TOKENS = ("input_tokens", "output_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")


def content_key(body: dict[str, Any]) -> str:
    """The same for two bodies that say the same."""
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


@dataclass
class Tally:
    """Times that a body came and was answered, by content; requests and tokens by outcome."""

    sent: Counter[str] = field(default_factory=Counter)
    answered: Counter[str] = field(default_factory=Counter)
    by_outcome: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    """Alone: 'say', 'fail', 'cut', 'garble'. In batches: 'batch say', '… fail', '… expired', '… canceled'."""

    def end(self, outcome: str, body: dict[str, Any], message: dict[str, Any] | None) -> None:
        """One request is over; `message`: the answer that was worked out and is billed, heard or not."""
        counts = self.by_outcome[outcome]
        counts["requests"] += 1
        if message is not None:
            self.answered[content_key(body)] += 1
            counts.update({name: message["usage"].get(name, 0) for name in TOKENS})

    @property
    def tokens(self) -> int:
        """All that were billed."""
        return sum(counts[name] for counts in self.by_outcome.values() for name in TOKENS)

    @property
    def sent_again(self) -> dict[str, int]:
        """Bodies that came more than once."""
        return {key: n for key, n in self.sent.items() if n > 1}

    @property
    def answered_again(self) -> dict[str, int]:
        """Bodies that were answered, and billed, more than once."""
        return {key: n for key, n in self.answered.items() if n > 1}

    def counts(self) -> dict[str, Any]:
        return {
            "sent": sum(self.sent.values()),
            "different": len(self.sent),
            "answered": sum(self.answered.values()),
            "sent_again": self.sent_again,
            "answered_again": self.answered_again,
            "tokens": self.tokens,
            "by_outcome": {outcome: dict(counts) for outcome, counts in self.by_outcome.items()},
        }
