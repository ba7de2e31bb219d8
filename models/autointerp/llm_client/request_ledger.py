"""What was asked of an LLM and answered, by content: an answered request is never sent again, whatever is killed when.

A folder of files of JSON lines, each written whole or not at all, so that it works on a disk and on S3 alike. Records
that come within moments of each other share a file. In the order of the files' numbers:

    sent      before an attempt leaves: the most that attempts of unknown end may have cost
    answer    what was paid for, before anybody uses it
    batch     before a batch of requests leaves, again when the provider named it, again when its results are stored

A process that dies between sending and storing leaves the first without the second: the request is asked again, and
what the lost attempt may have cost stays counted as spent. One process at a time writes to a folder.
"""

import asyncio
import hashlib
import json
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import Any
from uuid import uuid4

from storage.folder import Folder

GROUP_COMMIT_SECONDS = 0.01
"""Seconds in which records gather for one file."""
MANY = 256
"""So many files are folded into one when the ledger is opened."""


def key_of(body: Mapping[str, Any]) -> str:
    """The name of a request: a hash of everything that is sent."""
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class LedgerAnswer:
    """How a request ended. Times are ISO 8601 in UTC; `cost_usd` is exact, by the tokens that the provider counts."""

    request_key: str
    purpose: str
    payer: str
    """Whose budget it was paid from: an sae_id. The answer itself is for all."""
    llm: str
    status: str
    """'ok', 'refused', 'max_tokens': answered and paid for, kept in the ledger. 'failed', 'expired', 'canceled',
    'over_budget': not answered, not kept."""
    text: str = ""
    error: str | None = None
    attempts: int = 0
    sent_bytes: int = 0
    """Of the text."""
    picture_tokens: int = 0
    """Of the prompt's pictures, by their sizes."""
    input_tokens: int = 0
    """Tokens of the prompt at full price; those written to and read from the provider's cache are beside it."""
    output_tokens: int = 0
    cache_write_tokens: int = 0
    cache_read_tokens: int = 0
    cost_usd: float = 0.0
    at_risk_usd: float = 0.0
    """The most that attempts without an answer (cut connections, killed processes) may have cost besides; the budget
    counts it."""
    batch_id: str | None = None
    request_id: str | None = None
    sent_at: str | None = None
    answered_at: str | None = None


@dataclass(frozen=True, slots=True)
class PendingRequest:
    """Attempts at a request that has no answer yet."""

    request_key: str
    payer: str
    attempts: int
    at_risk_usd: float


@dataclass(frozen=True, slots=True)
class PendingBatch:
    """Requests that are with the provider together."""

    name: str
    """Ours, made before the provider had heard of it."""
    payer: str
    llm: str
    purposes: dict[str, str]
    """By request key."""
    newest_before: str | None
    """The provider's newest batch when this one was about to leave: one that is newer may be this."""
    batch_id: str | None = None
    done: bool = False


Record = LedgerAnswer | PendingRequest | PendingBatch
KINDS: dict[str, type[Record]] = {"answer": LedgerAnswer, "sent": PendingRequest, "batch": PendingBatch}
_KIND_OF = {kind: name for name, kind in KINDS.items()}


class DamagedLedger(ValueError):
    """A file of the ledger, of answers that were paid for, cannot be read. Restore it, or delete it to ask again."""


@dataclass
class RequestLedger:
    """The records in one folder, and what each payer has spent."""

    folder: Folder
    answers: dict[str, LedgerAnswer] = field(default_factory=dict)
    batches: dict[str, PendingBatch] = field(default_factory=dict)
    """Those whose results are not stored yet, by our name."""
    _sent: dict[str, PendingRequest] = field(default_factory=dict)
    _next: int = 0
    _waiting: list[Record] = field(default_factory=list)
    _write: asyncio.Task[None] | None = None
    _writing: asyncio.Lock = field(default_factory=asyncio.Lock)
    """One file at a time: while one is being written, records gather for the next."""

    @classmethod
    def open(cls, folder: Folder) -> "RequestLedger":
        """To write: reads the folder, which need not exist; folds its files into one where there are many."""
        folder.sweep()
        ledger = cls.read(folder)
        names = _names(folder)
        if len(names) >= MANY:
            ledger._fold(names)
        return ledger

    @classmethod
    def read(cls, folder: Folder) -> "RequestLedger":
        """What is there at this moment, while others may write."""
        for _ in range(3):
            with suppress(FileNotFoundError):  # a writer folded what was listed: list again
                return cls._read(folder)
        return cls._read(folder)

    @classmethod
    def _read(cls, folder: Folder) -> "RequestLedger":
        names = _names(folder)
        ledger = cls(folder, _next=1 + max((_number(name) for name in names), default=-1))
        with ThreadPoolExecutor(max_workers=16) as threads:  # on S3 each file takes a round trip
            for name, data in zip(names, threads.map(folder.read_bytes, names), strict=True):
                for line in data.splitlines():
                    ledger._take(_record(folder, name, line))
        return ledger

    def _take(self, record: Record) -> None:
        if isinstance(record, LedgerAnswer):
            self.answers[record.request_key] = record
            self._sent.pop(record.request_key, None)
        elif isinstance(record, PendingRequest):
            if record.request_key not in self.answers:
                self._sent[record.request_key] = record
        elif record.done:
            self.batches.pop(record.name, None)
        else:
            self.batches[record.name] = record

    def _fold(self, names: list[str]) -> None:
        """Many files into one; stopping between writing and deleting leaves duplicates, which mean nothing."""
        self._put(self._number(), [*self.answers.values(), *self._sent.values(), *self.batches.values()])
        with ThreadPoolExecutor(max_workers=16) as threads:
            list(threads.map(self.folder.remove, names))

    def _number(self) -> int:
        self._next += 1
        return self._next - 1

    def _put(self, number: int, records: Iterable[Record]) -> None:
        lines = (json.dumps({"kind": _KIND_OF[type(record)]} | asdict(record)) for record in records)
        self.folder.write_bytes(f"{number:09d}-{uuid4().hex[:8]}.jsonl", ("\n".join(lines) + "\n").encode())

    async def keep(self, *records: Record) -> None:
        """Returns when the records are stored for good."""
        if not records:
            return
        self._waiting += records
        if self._write is None:
            self._write = asyncio.create_task(self._write_waiting())
        await asyncio.shield(self._write)

    async def _write_waiting(self) -> None:
        await asyncio.sleep(GROUP_COMMIT_SECONDS)
        async with self._writing:
            records, self._waiting, self._write = self._waiting, [], None
            await asyncio.to_thread(self._put, self._number(), records)
        for record in records:
            self._take(record)

    def spent_usd(self, payer: str) -> float:
        """Dollars that answers cost, and the most that attempts without an answer may have cost."""
        answered = sum(a.cost_usd + a.at_risk_usd for a in self.answers.values() if a.payer == payer)
        return answered + sum(sent.at_risk_usd for sent in self._sent.values() if sent.payer == payer)

    def sent(self, key: str, payer: str) -> PendingRequest:
        """What is known of earlier attempts at a request that has no answer."""
        return self._sent.get(key, PendingRequest(key, payer, 0, 0.0))


def _names(folder: Folder) -> list[str]:
    return [name for name in folder.names() if name.endswith(".jsonl")]


def _number(name: str) -> int:
    return int(name.split("-", 1)[0]) if name[:9].isdigit() else -1


def _record(folder: Folder, name: str, line: bytes) -> Record:
    try:
        values = json.loads(line)
        kind = KINDS[values.pop("kind")]
        return kind(**values)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise DamagedLedger(
            f"{folder}/{name} is not a file of the request ledger ({error!r}): restore it, or delete it and its "
            "requests are asked, and paid for, again"
        ) from error
