"""What was asked of an LLM and answered, by content: an answered request is never sent again, whatever is killed when.

A folder of small files, each written whole or not at all, so that it works on a disk and on S3 alike:

    sent-{key}.json       before an attempt leaves: the most that attempts of unknown end may have cost
    answer-{key}.json     as soon as the answer is there; what is stored is what was paid for
    segment-{hash}.jsonl  many answers in one file, folded together when a ledger is opened with many loose ones

A process that dies between sending and storing leaves the first file without the second: the request is asked again,
and what the lost attempt may have cost stays counted as spent. One process at a time writes to a folder.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

from models.folder import Folder

Row = TypeVar("Row", "Answer", "Sent")
LOOSE = 256
"""So many loose answers are folded into a segment when the ledger is opened."""


def key_of(body: Mapping[str, Any]) -> str:
    """The name of a request: a hash of everything that is sent."""
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Answer:
    """How a request ended. Times are ISO 8601 in UTC; `cost_usd` is exact, by the tokens that the provider counts."""

    request_key: str
    purpose: str
    payer: str
    """Whose budget it was paid from: an sae_id. The answer itself is for all."""
    llm: str
    status: str
    """'ok', 'refused', 'max_tokens': answered and paid for, kept in the ledger. 'failed', 'over_budget': not answered,
    not kept."""
    text: str = ""
    error: str | None = None
    attempts: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0
    at_risk_usd: float = 0.0
    """The most that attempts without an answer (cut connections, killed processes) may have cost besides; the budget
    counts it."""
    request_id: str | None = None
    sent_at: str | None = None
    answered_at: str | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """Attempts at a request that has no answer yet."""

    payer: str
    attempts: int
    at_risk_usd: float


class DamagedLedger(ValueError):
    """A file of the ledger, of answers that were paid for, cannot be read. Restore it, or delete it to ask again."""


class Ledger:
    """The answers in one folder, all in memory, and what each payer has spent on them."""

    def __init__(self, folder: Folder, answers: dict[str, Answer], sent: dict[str, Sent]):
        self.folder = folder
        self.answers = answers
        self._sent = sent

    @classmethod
    def open(cls, folder: Folder) -> "Ledger":
        """Reads the folder, which need not exist; folds loose answers into a segment where there are many."""
        folder.sweep()
        for _ in range(3):
            with suppress(FileNotFoundError):  # another process folded what it had listed: list again
                return cls._read(folder)
        return cls._read(folder)

    @classmethod
    def _read(cls, folder: Folder) -> "Ledger":
        names = folder.names()
        segments, loose, asked = ([n for n in names if n.startswith(kind)] for kind in ("segment-", "answer-", "sent-"))
        lines = _lines(folder, [*segments, *loose, *asked])
        answers = {a.request_key: a for name in [*segments, *loose] for a in _answers(folder, name, lines[name])}
        waiting = [name for name in asked if _key(name) not in answers]
        sent = {_key(name): _parsed(folder, name, Sent, b"".join(lines[name])) for name in waiting}
        ledger = cls(folder, answers, sent)
        if len(loose) >= LOOSE:
            ledger._fold([answers[_key(name)] for name in loose])
        return ledger

    def _fold(self, answers: Iterable[Answer]) -> None:
        """Many small files into one; stopping between writing and deleting leaves duplicates, which mean nothing."""
        rows = sorted(answers, key=lambda answer: answer.request_key)
        data = "".join(json.dumps(asdict(row), sort_keys=True) + "\n" for row in rows).encode()
        self.folder.write_bytes(f"segment-{hashlib.sha256(data).hexdigest()[:16]}.jsonl", data)
        with ThreadPoolExecutor(max_workers=16) as threads:
            list(threads.map(lambda row: self.folder.remove(f"answer-{row.request_key}.json"), rows))

    def spent_usd(self, payer: str) -> float:
        """Dollars that answers cost, and the most that attempts without an answer may have cost."""
        answered = sum(a.cost_usd + a.at_risk_usd for a in self.answers.values() if a.payer == payer)
        return answered + sum(sent.at_risk_usd for sent in self._sent.values() if sent.payer == payer)

    def sent(self, key: str, payer: str) -> Sent:
        """What is known of earlier attempts at a request that has no answer."""
        return self._sent.get(key, Sent(payer, 0, 0.0))

    def note(self, key: str, sent: Sent) -> None:
        """Keeps, before an attempt leaves or after it ended without an answer, what it may have cost."""
        self.folder.write_bytes(f"sent-{key}.json", json.dumps(asdict(sent)).encode())
        self._sent[key] = sent

    def keep(self, answer: Answer) -> None:
        """Keeps an answer for good."""
        key = answer.request_key
        self.folder.write_bytes(f"answer-{key}.json", json.dumps(asdict(answer), sort_keys=True).encode())
        self.answers[key] = answer
        self._sent.pop(key, None)
        self.folder.remove(f"sent-{key}.json")


def _key(name: str) -> str:
    return name.split("-", 1)[1].removesuffix(".json")


def _lines(folder: Folder, names: list[str]) -> dict[str, list[bytes]]:
    """The lines of many small files, read side by side: on S3 each takes a round trip."""
    with ThreadPoolExecutor(max_workers=16) as threads:
        return dict(zip(names, threads.map(lambda name: folder.read_bytes(name).splitlines(), names), strict=True))


def _answers(folder: Folder, name: str, lines: list[bytes]) -> list[Answer]:
    return [_parsed(folder, name, Answer, line) for line in lines]


def _parsed(folder: Folder, name: str, row: type[Row], line: bytes) -> Row:
    try:
        return row(**json.loads(line))
    except (ValueError, TypeError) as error:
        raise DamagedLedger(
            f"{folder}/{name} is not a file of the request ledger ({error}): restore it, or delete it and its "
            "requests are asked, and paid for, again"
        ) from error
