"""The rows that leave auto-interpretation, without the partition columns: explanation, specificity, llm_request."""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from models.autointerp.ledger import Answer

Progress = Callable[[int, int], None]
"""Called with what is done and what there is in all."""

TIME = pa.timestamp("us")
"""UTC, without saying so."""
EXPLANATION = pa.schema(
    [
        ("explanation_id", pa.string()),
        ("feature_id", pa.int32()),
        ("explainer", pa.string()),
        ("llm", pa.string()),
        ("prompt_sha256", pa.string()),
        ("label", pa.string()),
        ("status", pa.string()),
        ("error", pa.string()),
        ("n_examples", pa.int64()),
        ("request_id", pa.string()),
        ("input_tokens", pa.int64()),
        ("output_tokens", pa.int64()),
        ("cost_usd", pa.float64()),
        ("created_at", TIME),
    ]
)
SPECIFICITY = pa.schema(
    [
        ("explanation_id", pa.string()),
        ("example_id", pa.string()),
        ("feature_id", pa.int32()),
        ("interval", pa.int32()),
        ("activation", pa.float64()),
        ("rating", pa.int32()),
        ("status", pa.string()),
        ("judge", pa.string()),
    ]
)
LLM_REQUEST = pa.schema(
    [
        ("request_key", pa.string()),
        ("purpose", pa.string()),
        ("llm", pa.string()),
        ("batch_id", pa.string()),
        ("status", pa.string()),
        ("attempts", pa.int64()),
        ("tokens", pa.int64()),
        ("cost_usd", pa.float64()),
        ("sent_at", TIME),
        ("answered_at", TIME),
    ]
)


def silent(done: int, total: int) -> None:
    """Progress that nobody watches."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """What an explainer says of one feature, or why it says nothing: `label` is there exactly when `status` is 'ok'."""

    feature_id: int
    explainer: str
    label: str | None
    status: str
    n_examples: int
    llm: str | None = None
    prompt_sha256: str | None = None
    error: str | None = None
    answers: tuple[Answer, ...] = ()
    """What an LLM was asked for it, in order; the tokens, the cost and the time of the row are theirs."""

    def __post_init__(self) -> None:
        assert (self.label is not None) == (self.status == "ok"), self

    def explanation_id(self, sae_id: str) -> str:
        """Names the label by what it says, of what, and who says it: the same chain run again gives the same id."""
        said = (sae_id, self.feature_id, self.explainer, self.llm, self.prompt_sha256, self.status, self.label)
        return hashlib.sha256(repr(said).encode()).hexdigest()[:16]

    def row(self, sae_id: str) -> dict[str, Any]:
        """The row; where nothing was asked of an LLM it has no tokens, cost or time, so that the offline chain is
        deterministic."""
        row = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "answers"}
        row["explanation_id"] = self.explanation_id(sae_id)
        if self.answers:
            last = self.answers[-1]
            row |= {"request_id": last.request_id, "created_at": _time(last.answered_at)}
            row |= {
                name: sum(getattr(a, name) for a in self.answers)
                for name in ("input_tokens", "output_tokens", "cost_usd")
            }
        return row


@dataclass(frozen=True, slots=True)
class Rating:
    """What a judge says of one example against one label, or why it says nothing."""

    row: int
    """The example's place in the gallery."""
    rating: int | None
    status: str = "ok"

    def __post_init__(self) -> None:
        assert (self.rating is not None) == (self.status == "ok"), self


def request_table(answers: Iterable[Answer]) -> pa.Table:
    """One row per request that was sent, now or earlier; one that the budget stopped before its first attempt has none.

    Tokens and cost are the provider's count; null where no answer came.
    """
    sent = {answer.request_key: answer for answer in answers if answer.attempts}
    rows = [_request_row(sent[key]) for key in sorted(sent)]
    return pa.Table.from_pylist(rows, schema=LLM_REQUEST)


def _request_row(answer: Answer) -> dict[str, Any]:
    row = {name: getattr(answer, name) for name in ("request_key", "purpose", "llm", "status", "attempts")}
    row |= {"sent_at": _time(answer.sent_at), "answered_at": _time(answer.answered_at)}
    if answer.answered_at:
        row |= {"tokens": answer.input_tokens + answer.output_tokens, "cost_usd": answer.cost_usd}
    return row


def _time(iso: str | None) -> datetime | None:
    return datetime.fromisoformat(iso).astimezone(UTC).replace(tzinfo=None) if iso else None
