"""What was answered stays answered: over restarts, kills, foldings, on a disk and on S3."""

import asyncio
import os
from dataclasses import replace
from pathlib import Path

import pytest

from models.autointerp.llm_client import request_ledger as module
from models.autointerp.llm_client.request_ledger import (
    DamagedLedger,
    LedgerAnswer,
    PendingBatch,
    PendingRequest,
    Record,
    RequestLedger,
    key_of,
)
from storage.folder import Folder

PAYER = "model/recipe"
ANSWER = LedgerAnswer("k0", "explain", PAYER, "llm", "ok", text="said", cost_usd=0.5, attempts=1)


@pytest.fixture(params=["disk", "s3"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Folder:
    return Folder(str(tmp_path) if request.param == "disk" else request.getfixturevalue("s3")) / "ledger"


def keep(folder: Folder, *records: Record) -> None:
    """In this order, each in a file of its own."""

    async def story() -> None:
        ledger = RequestLedger.open(folder)
        for record in records:
            await ledger.keep(record)

    asyncio.run(story())


def test_answers_and_lost_attempts_come_back(folder: Folder):
    assert RequestLedger.open(folder).answers == {}
    keep(folder, PendingRequest("k0", PAYER, 1, 0.7))
    assert RequestLedger.open(folder).spent_usd(PAYER) == 0.7
    keep(folder, ANSWER, PendingRequest("k1", PAYER, 1, 0.5), PendingRequest("k1", PAYER, 2, 0.25))
    again = RequestLedger.open(folder)
    assert again.answers == {"k0": ANSWER}
    assert again.sent("k1", PAYER) == PendingRequest("k1", PAYER, 2, 0.25)
    assert again.sent("k2", PAYER) == PendingRequest("k2", PAYER, 0, 0.0)
    assert again.spent_usd(PAYER) == 0.75
    assert again.spent_usd("another/recipe") == 0


def test_what_was_sent_counts_no_more_once_it_is_answered(folder: Folder):
    keep(folder, PendingRequest("k0", PAYER, 1, 0.7), ANSWER, PendingRequest("k0", PAYER, 2, 0.7))
    assert RequestLedger.open(folder).spent_usd(PAYER) == 0.5


def test_a_clock_that_was_set_back_does_not_change_which_record_is_the_later(tmp_path: Path):
    folder = Folder(str(tmp_path))
    keep(folder, PendingRequest("k", PAYER, 1, 0.5), PendingRequest("k", PAYER, 2, 0.25))
    for years, name in enumerate(folder.names()):
        then = 10**9 - years * 10**8
        os.utime(tmp_path / name, (then, then))
    assert RequestLedger.open(folder).sent("k", PAYER) == PendingRequest("k", PAYER, 2, 0.25)


def test_batches_come_back_until_they_are_done(folder: Folder):
    batch = PendingBatch("ours", PAYER, "llm", {"k0": "explain"}, "newest")
    keep(folder, batch, named := replace(batch, batch_id="theirs"))
    assert RequestLedger.open(folder).batches == {"ours": named}
    keep(folder, replace(named, done=True))
    assert RequestLedger.open(folder).batches == {}


def test_many_files_are_folded_and_nothing_is_lost(folder: Folder, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "MANY", 5)
    answers = [replace(ANSWER, request_key=f"k{i}", text=f"línea\n{i}") for i in range(12)]
    sent, batch = PendingRequest("late", PAYER, 3, 0.1), PendingBatch("ours", PAYER, "llm", {"k0": "explain"}, None)
    keep(folder, sent, batch)
    for answer in answers:
        keep(folder, answer)
    found = RequestLedger.open(folder)
    assert found.answers == {answer.request_key: answer for answer in answers}
    assert (found.sent("late", PAYER), found.batches) == (sent, {"ours": batch})
    assert len(folder.names()) <= 5


def test_records_that_come_together_share_a_file(tmp_path: Path):
    folder = Folder(str(tmp_path))

    async def crowd() -> None:
        ledger = RequestLedger.open(folder)
        await asyncio.gather(*(ledger.keep(replace(ANSWER, request_key=f"k{i}")) for i in range(500)))
        assert len(ledger.answers) == 500, "known once it is stored"

    asyncio.run(crowd())
    assert len(RequestLedger.open(folder).answers) == 500
    assert len(folder.names()) == 1


def test_nothing_is_known_before_it_is_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    async def story() -> None:
        ledger = RequestLedger.open(Folder(str(tmp_path)))
        monkeypatch.setattr(Folder, "write_bytes", lambda *_: (_ for _ in ()).throw(OSError("full")))
        with pytest.raises(OSError, match="full"):
            await ledger.keep(ANSWER)
        assert ledger.answers == {}

    asyncio.run(story())


@pytest.mark.parametrize("line", [b'{"half": ', b'{"kind": "answer", "text": 1}', b'{"kind": "gift"}', b"[]"])
def test_a_damaged_file_is_named(tmp_path: Path, line: bytes):
    folder = Folder(str(tmp_path))
    folder.write_bytes("000000007-abc.jsonl", line)
    with pytest.raises(DamagedLedger, match=r"000000007-abc.jsonl is not a file of the request ledger"):
        RequestLedger.open(folder)


def test_a_key_is_the_content_whatever_the_order():
    assert key_of({"a": 1, "b": [1, 2]}) == key_of({"b": [1, 2], "a": 1})
    assert key_of({"a": 1}) != key_of({"a": 2})
