"""The rows that leave auto-interpretation, without the partition columns: explanation, llm_request."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from typing import Any, Self

import pyarrow as pa

from models.autointerp.llm_client.request_ledger import LedgerAnswer
from storage.table_schemas import rows_as_table

_COUNTS = ("input_tokens", "output_tokens", "cache_write_tokens", "cache_read_tokens")


UNSCORED = "no score: its windows are all of documents that score labels, and the label is made from those"


@dataclass(frozen=True, slots=True)
class Explanation:
    """What an explainer says of one feature, or why it says nothing: `label` is there exactly when `status` is 'ok'."""

    feature_id: int
    explainer: str
    label: str | None
    status: str
    n_examples: int | None
    """Null of a label that a person wrote."""
    llm: str | None = None
    prompt: str | None = None
    prompt_sha256: str | None = None
    error: str | None = None
    author: str | None = None
    """Who wrote it, where a person did."""
    created_at: datetime | None = None
    answers: tuple[LedgerAnswer, ...] = ()
    """What an LLM was asked for it, in order; the tokens, the cost and the time of the row are theirs."""
    share: tuple[int, int] = (0, 1)
    """Its place among the features that the answers are for, and how many they are: each bears its part."""

    def __post_init__(self) -> None:
        assert (self.label is not None) == (self.status == "ok"), self

    def noted(self, note: str) -> Self:
        """With one more thing that a reader of the row should know."""
        return replace(self, error=f"{self.error}; {note}" if self.error else note)

    def explanation_id(self, sae_id: str) -> str:
        """Names the label by what it says, of what, and who says it: the same chain run again gives the same id."""
        said: tuple[Any, ...] = (sae_id, self.feature_id, self.explainer, self.llm, self.prompt_sha256, self.status)
        said = (*said, self.label, self.author) if self.author else (*said, self.label)
        return hashlib.sha256(repr(said).encode()).hexdigest()[:16]

    def row(self, sae_id: str) -> dict[str, Any]:
        """The row; where nothing was asked of an LLM it has no tokens, cost or time, so that the offline chain is
        deterministic."""
        row = {
            field.name: getattr(self, field.name) for field in fields(self) if field.name not in ("answers", "share")
        }
        row["explanation_id"] = self.explanation_id(sae_id)
        if self.answers:
            last = self.answers[-1]
            row |= {"request_id": last.request_id, "created_at": _time(last.answered_at)}
            row |= _part(self.answers, *self.share)
        return row


def _part(answers: Sequence[LedgerAnswer], place: int, n: int) -> dict[str, float | int]:
    """One feature's part of what n features share: the parts add up to the whole."""
    sent = sum(a.input_tokens + a.cache_write_tokens + a.cache_read_tokens for a in answers)
    tokens = {"input_tokens": sent, "output_tokens": sum(a.output_tokens for a in answers)}
    parts = {name: total // n + (place < total % n) for name, total in tokens.items()}
    return parts | {"cost_usd": sum(a.cost_usd for a in answers) / n}


def request_table(paid: Iterable[LedgerAnswer], asked: Iterable[LedgerAnswer]) -> pa.Table:
    """One row per request: all that were ever paid for, and those asked now that have no answer, once they were sent.

    Tokens and cost are the provider's count; null where no answer came.
    """
    sent = {answer.request_key: answer for answer in asked if answer.attempts and not answer.answered_at}
    sent |= {answer.request_key: answer for answer in paid}
    rows = [_request_row(sent[key]) for key in sorted(sent)]
    return rows_as_table("llm_request", rows)


def _request_row(answer: LedgerAnswer) -> dict[str, Any]:
    row = {name: getattr(answer, name) for name in ("request_key", "llm", "batch_id", "status", "attempts")}
    row |= {"sent_at": _time(answer.sent_at), "answered_at": _time(answer.answered_at)}
    if answer.answered_at:
        counts = {name: getattr(answer, name) for name in _COUNTS}
        row |= counts | {"tokens": sum(counts.values()), "cost_usd": answer.cost_usd}
    return row


def _time(iso: str | None) -> datetime | None:
    return datetime.fromisoformat(iso).astimezone(UTC).replace(tzinfo=None) if iso else None
