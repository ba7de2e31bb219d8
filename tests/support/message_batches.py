"""Message Batches as the provider keeps them: made, looked at, canceled, ended after a while, read out of order."""

import json
import random
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from message_acts import Act, Body, Canceled, Cut, Expired, Fail, Garble, Outcome, Say, Script, Slow
from message_tally import Tally, content_key

CUSTOM_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
KINDS = {Say: "succeeded", Fail: "errored", Expired: "expired", Canceled: "canceled"}


@dataclass
class Batch:
    """Requests by custom id, and what became of them once the batch has ended."""

    name: str
    requests: list[tuple[str, Body]]
    created: datetime
    began: float
    looks: int = 0
    canceling: datetime | None = None
    ended: datetime | None = None
    outcomes: list[Outcome] = field(default_factory=list)

    def shown(self, url: str) -> dict[str, Any]:
        """The batch as the protocol writes it; counts stay zero until it has ended."""
        counts = dict.fromkeys(KINDS.values(), 0)
        for outcome in self.outcomes:
            counts[KINDS[type(outcome)]] += 1
        return {
            "id": self.name,
            "type": "message_batch",
            "processing_status": "ended" if self.ended else "canceling" if self.canceling else "in_progress",
            "request_counts": {"processing": 0 if self.ended else len(self.requests), **counts},
            "created_at": self.created.isoformat(),
            "expires_at": (self.created + timedelta(hours=24)).isoformat(),
            "ended_at": self.ended and self.ended.isoformat(),
            "cancel_initiated_at": self.canceling and self.canceling.isoformat(),
            "archived_at": None,
            "results_url": f"{url}/v1/messages/batches/{self.name}/results" if self.ended else None,
        }

    def result(self, number: int) -> dict[str, Any]:
        """One line of the results."""
        custom_id, body = self.requests[number]
        outcome = self.outcomes[number]
        result: dict[str, Any] = {"type": KINDS[type(outcome)]}
        if isinstance(outcome, Say):
            result["message"] = outcome.message(body, f"msg_{self.name}_{number}")
        elif isinstance(outcome, Fail):
            result["error"] = outcome.error(f"req_{self.name}_{number}")
        return {"custom_id": custom_id, "result": result}


@dataclass
class Batches:
    """The batches of one key: how long they take, what becomes of their requests, what goes wrong on the way."""

    script: Callable[[int, Body], Outcome] | None = None
    """By the request's number in its batch and its body; None: the script of requests sent alone."""
    trouble: Callable[[int, str], Act | None] = lambda number, call: None
    """What happens to a call, by how many of its kind came before; 'create', 'list', 'retrieve', 'cancel', 'results'.
    None: what was asked for."""
    polls: int = 1
    """So often a batch is seen at work before it has ended,"""
    seconds: float = 0.0
    """and so long it takes at least."""
    done_at_cancel: int = 0
    """So many requests, the first, are carried out although the batch is canceled."""
    seed: int = 0
    """Of the order of results."""
    most_requests: int = 100_000
    most_bytes: int = 256_000_000
    made: list[Batch] = field(default_factory=list)
    """Oldest first."""
    calls: list[str] = field(default_factory=list)

    def refusal(self, requests: Any) -> Fail | None:
        """What the provider says against a batch before it takes it."""
        wrong = None
        if not isinstance(requests, list) or not requests:
            wrong = "requests: List should have at least 1 item"
        elif len(requests) > self.most_requests:
            wrong = f"requests: List should have at most {self.most_requests} items, not {len(requests)}"
        else:
            seen: set[str] = set()
            for number, request in enumerate(requests):
                custom_id = request.get("custom_id")
                if not isinstance(custom_id, str) or not CUSTOM_ID.fullmatch(custom_id):
                    wrong = f"requests.{number}.custom_id: String should match pattern '^[a-zA-Z0-9_-]{{1,64}}$'"
                elif custom_id in seen:
                    wrong = f"requests.{number}.custom_id: {custom_id!r} was given before in this batch"
                elif not isinstance(request.get("params"), dict):
                    wrong = f"requests.{number}.params: Field required"
                if wrong:
                    break
                seen.add(custom_id)
        return Fail(400, "invalid_request_error", message=wrong) if wrong else None

    def create(self, requests: list[Body], tally: Tally) -> Batch:
        batch = Batch(
            f"msgbatch_{len(self.made):06d}",
            [(request["custom_id"], request["params"]) for request in requests],
            datetime.now(UTC),
            time.monotonic(),
        )
        tally.sent.update(content_key(body) for _, body in batch.requests)
        self.made.append(batch)
        return batch

    def find(self, name: str) -> Batch | None:
        return next((batch for batch in self.made if batch.name == name), None)

    def look(self, batch: Batch, script: Script, tally: Tally, *, counts: bool = True) -> None:
        """Ends the batch if its time has come; otherwise it has been seen at work once more."""
        if batch.ended:
            return
        over = batch.looks >= self.polls and time.monotonic() - batch.began >= self.seconds
        if not (over or batch.canceling):
            batch.looks += counts
            return
        for number, (_, body) in enumerate(batch.requests):
            late = batch.canceling is not None and number >= self.done_at_cancel
            outcome = Canceled() if late else settled((self.script or script)(number, body))
            batch.outcomes.append(outcome)
            message = outcome.message(body, "") if isinstance(outcome, Say) else None
            tally.end(f"batch {type(outcome).__name__.lower()}", body, message)
        batch.ended = datetime.now(UTC)

    def page(self, limit: int, after: str | None, before: str | None, url: str) -> dict[str, Any] | Fail:
        """Newest first; what comes right after one batch, or right before one."""
        newest = self.made[::-1]
        names = [batch.name for batch in newest]
        cursor = before or after
        if not 1 <= limit <= 1000 or (cursor is not None and cursor not in names):
            return Fail(400, "invalid_request_error", message=f"limit={limit}, cursor {cursor}: no such page")
        if before:
            newest = newest[: names.index(before)]
            shown, more = newest[-limit:], len(newest) > limit
        else:
            newest = newest[names.index(after) + 1 :] if after else newest
            shown, more = newest[:limit], len(newest) > limit
        return {
            "data": [batch.shown(url) for batch in shown],
            "has_more": more,
            "first_id": shown[0].name if shown else None,
            "last_id": shown[-1].name if shown else None,
        }

    def results(self, batch: Batch) -> Iterator[bytes]:
        """Lines of JSON, shuffled, each made when its turn comes."""
        order = list(range(len(batch.requests)))
        random.Random(f"{self.seed} {batch.name}").shuffle(order)
        for number in order:
            yield json.dumps(batch.result(number)).encode() + b"\n"


def settled(act: Act | Outcome) -> Outcome:
    """What a script for requests sent alone means in a batch, where nobody waits and no connection can be cut."""
    if isinstance(act, Slow):
        return settled(act.then)
    if isinstance(act, Cut | Garble):
        return Fail(500)
    return act
