"""Killing the run that asks loses no answer and pays for none twice; killing the process that asks is counted."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from messages_server import KEY, Act, Messages, Say, serving

from models.autointerp.llm_client.prices import price_of
from models.autointerp.llm_client.provider_access import ProviderAccess
from models.autointerp.llm_client.request import Request
from models.autointerp.llm_client.request_ledger import RequestLedger, key_of
from models.autointerp.llm_client.request_queue import SpendingTerms
from models.autointerp.llm_client.runner import ProviderLLM
from models.autointerp.llm_client.sender_process import SenderDied
from storage.folder import Folder
from storage.process_lock import LockTimeout, process_lock

LLM = "claude-haiku-4-5"
ROOT = Path(__file__).parents[3]
RUN = """
import sys
sys.path[:0] = [{root!r}, {root!r} + "/tests/support", {root!r} + "/tests/models/autointerp"]
from test_sender_process import asked
if __name__ == "__main__":
    asked({folder!r}, {url!r}, {n})
"""


def questions(n: int) -> list[Request]:
    schema = {"type": "object", "properties": {"label": {"type": "string"}}, "required": ["label"]}
    return [Request.structured("explain", LLM, "Label it.", f"number {i}", schema, 64) for i in range(n)]


def asked(folder: str, url: str, n: int, timeout: float = 60.0) -> list[str]:
    """Asks n questions, eight at a time; their statuses."""
    terms = SpendingTerms(LLM, "model/recipe", price_of(LLM), 100.0, 8)
    llm = ProviderLLM(terms, Folder(folder), ProviderAccess(url, KEY, first_delay=0.01, timeout=timeout), batch=False)
    jobs = [lambda ask, request=request: ask(request) for request in questions(n)]
    return [answer.status for answer in llm.run(jobs)]


@pytest.fixture
def server(forks: None):
    def slowly(number: int, body: dict) -> Act:
        time.sleep(0.03)
        return Say(input_tokens=100 + len(body["messages"][0]["content"]), output_tokens=7)

    with serving(slowly) as running:
        yield running


def started(tmp_path: Path, server: Messages, n: int) -> subprocess.Popen[bytes]:
    script = tmp_path / "run.py"
    script.write_text(RUN.format(root=str(ROOT), folder=str(tmp_path / "ledger"), url=server.url, n=n))
    return subprocess.Popen([sys.executable, str(script)])


def wait_for(server: Messages, n: int) -> None:
    until = time.monotonic() + 60
    while len(server.bodies) < n:
        assert time.monotonic() < until, f"{len(server.bodies)} requests after a minute, wanted {n}"
        time.sleep(0.005)


def test_killing_the_run_loses_nothing_and_asks_nothing_twice(tmp_path: Path, server: Messages):
    for kill in (1, 2):
        running = started(tmp_path, server, 120)
        wait_for(server, 40 * kill)
        running.kill()
        assert running.wait() == -signal.SIGKILL
    assert asked(str(tmp_path / "ledger"), server.url, 120) == ["ok"] * 120
    times = Counter(key_of(body) for body in server.bodies)
    assert set(times) == {question.key for question in questions(120)}
    assert set(times.values()) == {1}, "a request was sent twice"
    answers = RequestLedger.read(Folder(str(tmp_path / "ledger"))).answers.values()
    assert sum(a.input_tokens for a in answers) == sum(
        100 + len(body["messages"][0]["content"]) for body in server.bodies
    )
    assert sum(a.output_tokens for a in answers) == 7 * 120
    assert sum(a.at_risk_usd for a in answers) == 0


def test_killing_the_sender_is_said_and_what_was_under_way_counts_as_spent(tmp_path: Path, server: Messages):
    folder, log = str(tmp_path / "ledger"), tmp_path / "log"
    script = tmp_path / "run.py"
    script.write_text(RUN.format(root=str(ROOT), folder=folder, url=server.url, n=120))
    with log.open("wb") as out:
        running = subprocess.Popen([sys.executable, str(script)], stderr=out)
        wait_for(server, 30)
        os.kill(sender_of(folder), signal.SIGKILL)
        assert running.wait(30) == 1
    assert SenderDied.__name__ in log.read_text()
    before = len(server.bodies)
    assert asked(folder, server.url, 120) == ["ok"] * 120
    again = Counter(key_of(body) for body in server.bodies)
    twice = {key for key, n in again.items() if n > 1}
    at_risk = {a.request_key for a in RequestLedger.read(Folder(folder)).answers.values() if a.at_risk_usd > 0}
    assert twice <= at_risk, "what was sent twice is counted as spent twice"
    assert 0 < len(at_risk) <= 8 + 8
    assert before < len(server.bodies)


def sender_of(folder: str) -> int:
    """The process that holds the ledger."""
    with pytest.raises(LockTimeout, match=r"process \d+ has been at work") as busy, process_lock(folder, 0.0):
        pass
    return int(str(busy.value).split()[1])


def test_one_at_a_time_holds_a_ledger(tmp_path: Path):
    busy = pytest.raises(LockTimeout, match=f"process {os.getpid()} has been at work")
    with process_lock(str(tmp_path), 1.0), busy, process_lock(str(tmp_path) + "/.", 0.1):
        pass
    with process_lock(str(tmp_path), 0.0):
        pass


def test_the_pipe_carries_what_the_server_said(tmp_path: Path, server: Messages):
    server.script = lambda number, body: Say(json.dumps({"label": "naïve \u2028 “quotes”\n"}))
    terms = SpendingTerms(LLM, "model/recipe", price_of(LLM), 100.0, 8)
    llm = ProviderLLM(terms, Folder(str(tmp_path)), ProviderAccess(server.url, KEY), batch=False)
    [answer] = llm.run([lambda ask: ask(questions(1)[0])])
    assert json.loads(answer.text) == {"label": "naïve \u2028 “quotes”\n"}
    assert answer.request_key == questions(1)[0].key
