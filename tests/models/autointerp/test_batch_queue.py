"""Batches: everything is stored once, whatever the order of results, the kills and the losses."""

import multiprocessing
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from message_acts import Canceled, Cut, Expired, Fail, Outcome, Say
from messages_server import KEY, Messages, serving

from models.autointerp.llm_client import batch_queue as module
from models.autointerp.llm_client.messages_client import KeyRefused
from models.autointerp.llm_client.prices import price_of
from models.autointerp.llm_client.provider_access import ProviderAccess
from models.autointerp.llm_client.request import Request
from models.autointerp.llm_client.request_ledger import LedgerAnswer, RequestLedger, key_of
from models.autointerp.llm_client.request_queue import ProviderDown, SpendingTerms
from models.autointerp.llm_client.runner import Ask, ProviderLLM
from storage.folder import Folder

LLM = "claude-haiku-4-5"
PAYER = "model/recipe"
ROOT = Path(__file__).parents[3]


def question(number: int) -> Request:
    schema = {"type": "object", "properties": {"label": {"type": "string"}}, "required": ["label"]}
    return Request.structured("explain", LLM, "Label it.", f"number {number}", schema, 64)


def batching(folder: str, url: str, budget: float = 100.0, **access: float) -> ProviderLLM:
    terms = SpendingTerms(LLM, PAYER, price_of(LLM), budget, 8)
    reached = replace(ProviderAccess(url, KEY, first_delay=0.001, poll_every=0.01, timeout=60), **access)
    return ProviderLLM(terms, Folder(folder), reached, batch=True)


def asked(folder: Path | str, server_url: str, n: int, **given: float) -> list[LedgerAnswer]:
    """Asks n questions in batches."""
    jobs = [lambda ask, number=number: ask(question(number)) for number in range(n)]
    return batching(str(folder), server_url, **given).run(jobs)


@pytest.fixture
def server(forks: None):
    with serving(lambda number, body: Say(input_tokens=100 + len(str(body)), output_tokens=7)) as running:
        yield running


def stored(folder: Path) -> dict[str, LedgerAnswer]:
    return RequestLedger.read(Folder(str(folder))).answers


def test_answers_find_their_questions_whatever_the_order_and_cost_half(tmp_path: Path, server: Messages):
    server.batches.script = lambda number, body: Say(body["messages"][0]["content"], input_tokens=1000)
    answers = asked(tmp_path, server.url, 50)
    assert [answer.text for answer in answers] == [f"number {number}" for number in range(50)]
    assert {answer.cost_usd for answer in answers} == {price_of(LLM).cost(1000, 50) / 2}
    assert {answer.batch_id for answer in answers} == {server.batches.made[0].name}
    assert server.bodies == [], "nothing was asked alone"
    asked(tmp_path, server.url, 50)
    assert len(server.batches.made) == 1, "what was answered is not asked again"
    assert RequestLedger.read(Folder(str(tmp_path))).batches == {}


def test_many_questions_leave_in_several_batches(tmp_path: Path, server: Messages, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "MOST_REQUESTS", 20)
    monkeypatch.setattr(module, "STORED_TOGETHER", 7)
    server.batches.polls = 3
    assert {answer.status for answer in asked(tmp_path, server.url, 50)} == {"ok"}
    assert sorted(len(batch.requests) for batch in server.batches.made) == [10, 20, 20]
    assert len(stored(tmp_path)) == 50
    assert sum(a.input_tokens + a.output_tokens for a in stored(tmp_path).values()) == server.tally.tokens


def test_a_second_question_of_a_job_leaves_with_a_second_batch(tmp_path: Path, server: Messages):
    async def two(number: int, ask: Ask) -> list[str]:
        first = await ask(question(number))
        second = await ask(question(number).repaired(first.text, "no JSON"))
        return [first.status, second.status]

    jobs = [lambda ask, number=number: two(number, ask) for number in range(12)]
    assert batching(str(tmp_path), server.url).run(jobs) == [["ok", "ok"]] * 12
    assert [len(batch.requests) for batch in server.batches.made] == [12, 12]


def test_what_expired_is_sent_again_and_what_is_wrong_is_not(tmp_path: Path, server: Messages):
    ways: list[Outcome] = [Say(), Expired(), Fail(500, "api_error"), Fail(400, "invalid_request_error"), Canceled()]
    server.batches.script = lambda number, body: ways[number % 5] if len(server.batches.made) == 1 else Say()
    answers = asked(tmp_path, server.url, 10)
    assert [answer.status for answer in answers] == ["ok", "ok", "ok", "failed", "canceled"] * 2
    assert "scripted invalid_request_error" in str(answers[3].error)
    assert "canceled" in str(answers[4].error)
    assert [len(batch.requests) for batch in server.batches.made] == [10, 4]
    server.batches.script = lambda number, body: Say()
    assert [answer.status for answer in asked(tmp_path, server.url, 10)] == ["ok"] * 10
    assert len(server.batches.made[-1].requests) == 4, "only what has no answer is asked in a later run"


def test_what_expires_again_and_again_is_a_row_that_says_so(tmp_path: Path, server: Messages):
    server.batches.script = lambda number, body: Expired()
    [answer] = asked(tmp_path, server.url, 1)
    assert (answer.status, answer.attempts, len(server.batches.made)) == ("expired", 3, 3)


def test_a_batch_that_expired_or_was_canceled_whole_costs_nothing(tmp_path: Path, server: Messages):
    server.batches.script = lambda number, body: Canceled()
    assert {answer.status for answer in asked(tmp_path, server.url, 5)} == {"canceled"}
    assert RequestLedger.read(Folder(str(tmp_path))).spent_usd(PAYER) == 0


@pytest.mark.parametrize("call", ["list", "create", "retrieve", "results"])
@pytest.mark.parametrize("act", [Fail(529, "overloaded_error"), Fail(429, retry_after=0.01), Cut(), Cut("half")])
def test_trouble_with_any_call_passes_and_sends_nothing_twice(tmp_path: Path, server: Messages, call: str, act: object):
    server.batches.trouble = lambda number, name: act if name == call and number < 2 else None  # type: ignore[return-value]
    assert {answer.status for answer in asked(tmp_path, server.url, 30)} == {"ok"}
    sent = Counter(key_of(body) for batch in server.batches.made for _, body in batch.requests)
    assert set(sent.values()) == {1}, f"{len(server.batches.made)} batches were made"


def test_a_batch_taken_though_nobody_heard_of_it_is_found_again(tmp_path: Path, server: Messages):
    server.batches.trouble = lambda number, name: Cut("work") if name == "create" and number == 0 else None
    assert {answer.status for answer in asked(tmp_path, server.url, 30)} == {"ok"}
    assert len(server.batches.made) == 1


def test_the_budget_is_kept_slice_by_slice(tmp_path: Path, server: Messages):
    """A question is 2,5xx bytes at worst and 64 tokens of answer: $0.0017 in a batch; it costs $0.0002."""
    worst = question(0).worst_usd(price_of(LLM), batched=True)
    server.batches.script = lambda number, body: Say(input_tokens=200, output_tokens=10)
    cost = price_of(LLM).cost(200, 10, batched=True)
    limit = 4 * worst
    answers = asked(tmp_path, server.url, 60, budget=limit)
    n_ok = [answer.status for answer in answers].count("ok")
    assert {answer.status for answer in answers} == {"ok", "over_budget"}
    assert limit - worst < n_ok * cost <= limit
    assert len(server.batches.made) > 3


def test_a_wrong_key_ends_all(tmp_path: Path, server: Messages):
    llm = batching(str(tmp_path), server.url)
    with pytest.raises(KeyRefused, match="refuses the API key"):
        replace(llm, access=replace(llm.access, api_key="wrong")).run([lambda ask: ask(question(0))])


def test_a_provider_without_batches_is_said(tmp_path: Path, server: Messages):
    server.batches.trouble = lambda number, name: Fail(404, "not_found_error")
    with pytest.raises(ProviderDown, match="batches of claude-haiku-4-5: status 404"):
        asked(tmp_path, server.url, 3)


RUN = """
import sys
sys.path[:0] = [{root!r}, {root!r} + "/tests/support", {root!r} + "/tests/models/autointerp"]
from test_batch_queue import asked
asked({folder!r}, {url!r}, {n})
"""


FORKED = multiprocessing.get_context("forkserver")


def killed_after(tmp_path: Path, server: Messages, call: str, n: int = 40) -> None:
    """Starts a run and kills it as soon as the server got one more such call."""
    before = server.batches.calls.count(call)
    running = FORKED.Process(target=asked, args=(tmp_path / "ledger", server.url, n), daemon=True)
    running.start()
    until = time.monotonic() + 60
    while server.batches.calls.count(call) == before and running.is_alive():
        assert time.monotonic() < until, f"no {call} within a minute"
        time.sleep(0.0005)
    running.kill()
    running.join()
    assert running.exitcode == -signal.SIGKILL, "it had ended before it was killed"


@pytest.mark.parametrize("call", ["create", "retrieve", "results"])
def test_a_run_killed_at_any_call_sends_nothing_twice(tmp_path: Path, server: Messages, call: str):
    server.batches.polls = 10**6 if call == "retrieve" else 1
    killed_after(tmp_path, server, call)
    server.batches.polls = 0
    answers = asked(tmp_path / "ledger", server.url, 40)
    assert {answer.status for answer in answers} == {"ok"}
    sent = Counter(key_of(body) for batch in server.batches.made for _, body in batch.requests)
    assert len(sent) == 40
    assert set(sent.values()) == {1}
    assert sum(a.input_tokens + a.output_tokens for a in stored(tmp_path / "ledger").values()) == server.tally.tokens
    assert sum(a.at_risk_usd for a in stored(tmp_path / "ledger").values()) == 0


def test_what_left_in_a_batch_is_not_asked_alone_when_the_recipe_changes_its_mode(tmp_path: Path, server: Messages):
    server.batches.polls = 10**6
    killed_after(tmp_path, server, "retrieve")
    server.batches.polls = 0
    llm = replace(batching(str(tmp_path / "ledger"), server.url), batch=False)
    answers = llm.run([lambda ask, number=number: ask(question(number)) for number in range(41)])
    assert [answer.status for answer in answers] == ["ok"] * 41
    assert len(server.bodies) == 1, "only the one that was in no batch"
    assert server.tally.answered_again == {}


@pytest.mark.slow
def test_25_000_requests_in_three_batches_one_of_which_expires_survive_a_kill(tmp_path: Path, server: Messages):
    server.batches.script = lambda number, body: (
        Expired() if len(server.batches.made) <= 3 and body["messages"][0]["content"] < "number 13" else Say()
    )
    server.batches.polls = 10**9
    code = RUN.format(root=str(ROOT), folder=str(tmp_path / "ledger"), url=server.url, n=25_000)
    running = subprocess.Popen([sys.executable, "-c", code])
    until = time.monotonic() + 300
    while len(server.batches.made) < 3 or "retrieve" not in server.batches.calls[-3:]:
        assert time.monotonic() < until
        assert running.poll() is None
        time.sleep(0.05)
    running.kill()
    assert running.wait() == -signal.SIGKILL
    assert [len(batch.requests) for batch in server.batches.made] == [10_000, 10_000, 5_000]
    server.batches.polls = 0
    answers = asked(tmp_path / "ledger", server.url, 25_000)
    assert {answer.status for answer in answers} == {"ok"}
    kept = stored(tmp_path / "ledger")
    assert len(kept) == 25_000
    assert sum(a.input_tokens + a.output_tokens for a in kept.values()) == server.tally.tokens
    expired = server.tally.by_outcome["batch expired"]["requests"]
    assert 0 < expired < 25_000
    sent = Counter(key_of(body) for batch in server.batches.made for _, body in batch.requests)
    assert sorted(Counter(sent.values()).items()) == [(1, 25_000 - expired), (2, expired)], "only what expired"
    assert server.tally.answered_again == {}
