"""The servers that stand in for a provider, driven by the provider's own client."""

import asyncio
import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Awaitable, Callable
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import anthropic
import httpx2
import pytest
from message_acts import Canceled, Cut, Expired, Fail, Garble, Say, Slow, by_schema
from messages_server import KEY, Messages, serving

ROOT = Path(__file__).parents[3]


def schema_of(name: str, **values: Any) -> dict[str, Any]:
    item = {"type": "object", "properties": {"id": {"type": "string", "enum": ["w1", "w2"]}, **values}}
    return {"type": "object", "properties": {name: {"type": "array", "items": item}}}


ACTIVE = {"type": "array", "items": {"type": "object", "properties": {"at": {"type": "integer"}}}}
FIRES = schema_of("verdicts", fires={"type": "boolean"})


def body_of(content: str = "", schema: dict[str, Any] = FIRES) -> dict[str, Any]:
    config = {"format": {"type": "json_schema", "schema": schema}}
    said = [{"role": "user", "content": content}]
    return {"model": "claude-haiku-4-5", "max_tokens": 9, "messages": said, "output_config": config}


def requests_of(n: int) -> list[Any]:
    return [{"custom_id": f"r{i}", "params": body_of(f"number {i}")} for i in range(n)]


@pytest.fixture
def server(forks: None):
    with serving() as running:
        yield running


def asked(url: str, what: Callable[[anthropic.AsyncAnthropic], Awaitable[Any]], key: str = KEY) -> Any:
    """What a coroutine gets from a client that tries once."""

    async def ask() -> Any:
        async with anthropic.AsyncAnthropic(api_key=key, base_url=url, max_retries=0, timeout=20) as client:
            return await what(client)

    return asyncio.run(ask())


def one(url: str, body: dict[str, Any]) -> Any:
    return asked(url, lambda client: client.messages.create(**body))


def created(server: Messages, n: int) -> Any:
    return asked(server.url, lambda client: client.messages.batches.create(requests=requests_of(n)))


def looked_at(server: Messages, name: str) -> Any:
    return asked(server.url, lambda client: client.messages.batches.retrieve(name))


def results_of(server: Messages, name: str) -> list[Any]:
    async def read(client: anthropic.AsyncAnthropic) -> list[Any]:
        return [line async for line in await client.messages.batches.results(name)]

    return asked(server.url, read)


@contextmanager
def process(*command: str):
    """The address of a server that is a process of its own."""
    with subprocess.Popen(
        [sys.executable, *command, "--port", "0", "--latency", "0.02"], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as running:
        try:
            assert running.stdout is not None
            yield running.stdout.readline().strip()
        finally:
            running.kill()


@pytest.mark.parametrize(
    ("schema", "answer"),
    [
        (FIRES, {"verdicts": [{"id": "w1", "fires": True}, {"id": "w2", "fires": True}]}),
        (schema_of("windows", active=ACTIVE), {"windows": [{"id": w, "active": [{"at": 1}]} for w in ("w1", "w2")]}),
        (
            schema_of("ratings", reason={"type": "string"}, rating={"type": "integer", "enum": [0, 1, 2, 3]}),
            {"ratings": [{"id": w, "reason": "words about `testing`", "rating": 3} for w in ("w1", "w2")]},
        ),
        ({"type": "array", "items": {"type": "integer"}}, [1]),
        ({"type": "string", "enum": ["a", "b"]}, "b"),
    ],
)
def test_an_answer_has_the_shape_that_was_asked_for(schema: dict[str, Any], answer: Any):
    assert by_schema(schema) == answer


def test_usage_is_counted_from_the_request_and_summed_by_outcome(server: Messages):
    server.script = lambda number, body: Say(
        "four words of text",
        input_tokens=lambda body: len(body["messages"][0]["content"].split()),
        output_tokens=lambda text: len(text.split()),
        cache_creation_input_tokens=100,
        cache_read_input_tokens=20 if number else None,
    )
    usage = [one(server.url, body_of(content)).usage for content in ("one two three", "a b", "a b")]
    assert [(u.input_tokens, u.output_tokens, u.cache_read_input_tokens) for u in usage] == [
        (3, 4, None),
        (2, 4, 20),
        (2, 4, 20),
    ]
    assert server.tally.tokens == 3 + 2 + 2 + 3 * 4 + 3 * 100 + 2 * 20
    assert server.tally.by_outcome["say"]["requests"] == 3
    assert list(server.tally.answered_again.values()) == list(server.tally.sent_again.values()) == [2]


@pytest.mark.parametrize(("cut", "billed"), [(Cut(), 0), (Cut("work"), 1050), (Cut("half"), 1050)])
def test_a_cut_connection_is_an_error_and_billed_if_the_work_was_done(server: Messages, cut: Cut, billed: int):
    server.script = lambda number, body: cut
    with pytest.raises(anthropic.APIConnectionError) as caught:
        one(server.url, body_of())
    assert isinstance(caught.value.__cause__, httpx2.RemoteProtocolError | httpx2.ReadError)
    assert ("without sending complete message body" in str(caught.value.__cause__)) == (cut.after == "half")
    assert (server.tally.tokens, server.answered) == (billed, 0)


def test_failures_say_when_to_come_back(server: Messages):
    fails = [
        Fail(429, "rate_limit_error", retry_after=0.25, should_retry=False),
        Fail(529, "overloaded_error", retry_after=timedelta(seconds=60), should_retry=True),
        Fail(500),
    ]
    server.script = lambda number, body: fails[number]
    headers = []
    for _ in fails:
        with pytest.raises(anthropic.APIStatusError) as caught:
            one(server.url, body_of())
        headers.append(caught.value.response.headers)
    assert headers[0]["retry-after"] == "0.25"
    assert [h.get("x-should-retry") for h in headers] == ["false", "true", None]
    from email.utils import parsedate_to_datetime

    ahead = parsedate_to_datetime(headers[1]["retry-after"]) - parsedate_to_datetime(headers[1]["date"])
    assert 58 <= ahead.total_seconds() <= 61


def test_slowness_and_a_page_that_is_no_message(server: Messages):
    server.script = lambda number, body: Slow(0.2, Garble("text/html", b"<html>a proxy</html>"))
    began = time.monotonic()
    raw = asked(server.url, lambda client: client.messages.with_raw_response.create(**body_of()))
    assert time.monotonic() - began >= 0.2
    assert raw.http_response.content == b"<html>a proxy</html>"
    assert raw.headers["content-type"] == "text/html"


def test_an_error_of_a_script_is_raised_where_the_test_is():
    def broken(number: int, body: dict) -> Say:
        raise LookupError("no rule")

    with pytest.raises(LookupError, match="no rule"), serving(broken) as running, pytest.raises(anthropic.APIError):
        one(running.url, body_of())


def test_a_batch_is_made_looked_at_and_read_out_of_order(server: Messages):
    server.batches.polls = 2
    batch = created(server, 50)
    assert (batch.processing_status, batch.results_url) == ("in_progress", None)
    seen = [looked_at(server, batch.id) for _ in range(3)]
    assert [b.processing_status for b in seen] == ["in_progress", "in_progress", "ended"]
    assert [b.request_counts.succeeded for b in seen] == [0, 0, 50]
    assert [b.request_counts.processing for b in seen] == [50, 50, 0]
    lines = results_of(server, batch.id)
    names = [line.custom_id for line in lines]
    assert sorted(names) == sorted(f"r{i}" for i in range(50))
    assert names != [f"r{i}" for i in range(50)], "the client has to go by the custom ids"
    assert names == [line.custom_id for line in results_of(server, batch.id)]
    assert json.loads(lines[0].result.message.content[0].text)["verdicts"][0] == {"id": "w1", "fires": True}
    assert server.tally.tokens == 50 * 1050, "billed once, however often it is read"


def test_a_batch_takes_its_time(server: Messages):
    server.batches.polls, server.batches.seconds = 0, 0.3
    batch = created(server, 1)
    assert looked_at(server, batch.id).processing_status == "in_progress"
    time.sleep(0.3)
    assert looked_at(server, batch.id).processing_status == "ended"


def test_requests_of_a_batch_end_each_in_its_way(server: Messages):
    server.batches.polls = 0
    ways = [Say(), Fail(400, "invalid_request_error", message="too long"), Expired(), Canceled()]
    server.batches.script = lambda number, body: ways[number % 4]
    batch = created(server, 8)
    counts = looked_at(server, batch.id).request_counts
    assert (counts.succeeded, counts.errored, counts.expired, counts.canceled) == (2, 2, 2, 2)
    by_id = {line.custom_id: line.result for line in results_of(server, batch.id)}
    assert [by_id[f"r{i}"].type for i in range(4)] == ["succeeded", "errored", "expired", "canceled"]
    assert by_id["r1"].error.error.message == "too long"
    assert server.tally.by_outcome["batch say"]["input_tokens"] == server.tally.tokens - 2 * 50 == 2000


def test_a_canceled_batch_ends_with_what_was_done(server: Messages):
    server.batches.polls, server.batches.done_at_cancel = 10**9, 3
    batch = created(server, 5)
    assert looked_at(server, batch.id).processing_status == "in_progress"
    assert asked(server.url, lambda c: c.messages.batches.cancel(batch.id)).processing_status == "canceling"
    counts = looked_at(server, batch.id).request_counts
    assert (counts.succeeded, counts.canceled) == (3, 2)
    with pytest.raises(anthropic.BadRequestError):
        asked(server.url, lambda c: c.messages.batches.cancel(batch.id))


def test_batches_are_listed_in_pages_newest_first(server: Messages):
    names = [created(server, 1).id for _ in range(5)]

    async def all_of(client: anthropic.AsyncAnthropic) -> list[str]:
        return [batch.id async for batch in client.messages.batches.list(limit=2)]

    assert asked(server.url, all_of) == names[::-1]
    assert server.batches.calls.count("list") == 3
    page = asked(server.url, lambda c: c.messages.batches.list(limit=2, before_id=names[0]))
    assert [batch.id for batch in page.data] == [names[2], names[1]]
    assert page.has_more
    page = asked(server.url, lambda c: c.messages.batches.list(after_id=names[1]))
    assert [batch.id for batch in page.data] == names[:1]
    assert not page.has_more


@pytest.mark.parametrize(
    ("requests", "said"),
    [
        ([], "at least 1"),
        ([{"custom_id": "a b", "params": body_of()}], "should match pattern"),
        ([{"custom_id": "x" * 65, "params": body_of()}], "should match pattern"),
        ([{"custom_id": "x\n", "params": body_of()}], "should match pattern"),
        (requests_of(2) + requests_of(1), "'r0' was given before"),
        (requests_of(4), "at most 3 items"),
    ],
)
def test_what_the_provider_refuses_as_a_batch_is_refused(server: Messages, requests: list[Any], said: str):
    server.batches.most_requests = 3
    with pytest.raises(anthropic.BadRequestError, match=said):
        asked(server.url, lambda client: client.messages.batches.create(requests=requests))
    assert server.batches.made == []


def test_a_batch_of_too_many_bytes_is_refused(server: Messages):
    assert (server.batches.most_requests, server.batches.most_bytes) == (100_000, 256_000_000)
    server.batches.most_bytes = 2_000_000
    large: list[Any] = [{"custom_id": "large", "params": body_of("x" * 2_000_000)}]
    with pytest.raises(anthropic.APIStatusError) as caught:
        asked(server.url, lambda client: client.messages.batches.create(requests=large))
    assert caught.value.status_code == 413


def test_calls_about_batches_go_wrong_by_script(server: Messages):
    server.batches.polls = 0
    trouble = {("create", 0): Cut("work"), ("retrieve", 0): Fail(529, "overloaded_error"), ("results", 0): Cut("half")}
    server.batches.trouble = lambda number, call: trouble.get((call, number))
    with pytest.raises(anthropic.APIConnectionError):
        created(server, 9)
    (batch,) = server.batches.made
    with pytest.raises(anthropic.APIStatusError, match="scripted overloaded_error"):
        looked_at(server, batch.name)
    with pytest.raises(httpx2.RemoteProtocolError):
        results_of(server, batch.name)
    assert len(results_of(server, batch.name)) == 9


def test_a_wrong_key_and_an_unknown_batch_are_refused(server: Messages):
    with pytest.raises(anthropic.AuthenticationError):
        asked(server.url, lambda client: client.messages.batches.list(), key="wrong")
    with pytest.raises(anthropic.NotFoundError):
        looked_at(server, "msgbatch_7")


def test_duplicates_are_counted_over_batches_and_single_requests(server: Messages):
    server.batches.polls = 0
    one(server.url, body_of("number 1"))
    batch = created(server, 3)
    assert len(server.tally.sent_again) == 1
    assert server.tally.answered_again == {}, "the batch has not been worked on yet"
    looked_at(server, batch.id)
    assert list(server.tally.answered_again.values()) == [2]


@pytest.mark.parametrize("command", [("tests/support/messages_server.py",), ("-m", "benchmarks.messages_process")])
def test_a_server_runs_as_a_process_of_its_own(command: tuple[str, ...]):
    async def many(client: anthropic.AsyncAnthropic) -> list[Any]:
        said = ["twice", "twice", "x" * 100_000, *(f"number {i}" for i in range(20))]
        return await asyncio.gather(*(client.messages.create(**body_of(text)) for text in said))

    with process(*command) as url:
        began = time.monotonic()
        answers = asked(url, many)
        assert time.monotonic() - began >= 0.02
        assert {json.dumps(json.loads(answer.content[0].text)) for answer in answers} == {json.dumps(by_schema(FIRES))}
        with urllib.request.urlopen(f"{url}/counts") as reply:
            counts = json.load(reply)
    usage = [answer.usage for answer in answers]
    total = sum(u.input_tokens + u.output_tokens for u in usage)
    if command[0] == "-m":
        assert (counts["requests"], counts["duplicates"]) == (23, 1)
        assert counts["input_tokens"] + counts["output_tokens"] == total
        assert counts["most_under_way"] > 1
    else:
        assert (counts["sent"], counts["different"], len(counts["answered_again"])) == (23, 22, 1)
        assert counts["tokens"] == total
