"""What was answered stays answered: over restarts, kills, foldings, on a disk and on S3."""

import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from example_rows import examples_of
from messages_server import KEY, Act, Say, serving

from models.autointerp import ledger as module
from models.autointerp.ledger import Answer, DamagedLedger, Ledger, Sent, key_of
from models.autointerp.stages import explain
from models.folder import Folder
from models.settings import ExplanationSettings

PAYER = "model/recipe"
SETTINGS = ExplanationSettings(explainer="anthropic", llm="claude-haiku-4-5", budget_usd=100)
ANSWER = Answer("k0", "explain", PAYER, "llm", "ok", text="said", cost_usd=0.5, attempts=1)


@pytest.fixture(params=["disk", "s3"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Folder:
    return Folder(str(tmp_path) if request.param == "disk" else request.getfixturevalue("s3")) / "ledger"


def test_answers_and_lost_attempts_come_back(folder: Folder):
    ledger = Ledger.open(folder)
    assert ledger.answers == {}
    ledger.note("k0", Sent(PAYER, 1, 0.7))
    assert Ledger.open(folder).spent_usd(PAYER) == 0.7
    ledger.keep(ANSWER)
    ledger.note("k1", Sent(PAYER, 2, 0.25))
    again = Ledger.open(folder)
    assert again.answers == {"k0": ANSWER}
    assert again.sent("k1", PAYER) == Sent(PAYER, 2, 0.25)
    assert again.sent("k2", PAYER) == Sent(PAYER, 0, 0.0)
    assert again.spent_usd(PAYER) == 0.75
    assert again.spent_usd("another/recipe") == 0


def test_a_kill_between_storing_an_answer_and_clearing_up_counts_it_once(folder: Folder):
    ledger = Ledger.open(folder)
    ledger.keep(ANSWER)
    ledger.note("k0", Sent(PAYER, 1, 0.7))
    assert Ledger.open(folder).spent_usd(PAYER) == 0.5


def test_many_loose_answers_are_folded_and_none_is_lost(folder: Folder, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "LOOSE", 5)
    answers = [replace(ANSWER, request_key=f"k{i}", text=f"línea\n{i}") for i in range(12)]
    for answer in answers:
        Ledger.open(folder).keep(answer)
    assert Ledger.open(folder).answers == {answer.request_key: answer for answer in answers}
    assert sum(name.startswith("segment-") for name in folder.names()) == 2
    assert sum(name.startswith("answer-") for name in folder.names()) < 5


def test_a_damaged_file_is_named(tmp_path: Path):
    folder = Folder(str(tmp_path))
    folder.write_bytes("answer-k0.json", b'{"half": ')
    with pytest.raises(DamagedLedger, match=r"answer-k0.json is not a file of the request ledger"):
        Ledger.open(folder)


def test_a_key_is_the_content_whatever_the_order():
    assert key_of({"a": 1, "b": [1, 2]}) == key_of({"b": [1, 2], "a": 1})
    assert key_of({"a": 1}) != key_of({"a": 2})


STAGE = """
import sys
sys.path[:0] = [{root!r}, {root!r} + "/tests"]
from example_rows import examples_of
from models.autointerp.stages import explain
from models.folder import Folder
from models.settings import ExplanationSettings
settings = ExplanationSettings(explainer="anthropic", llm="claude-haiku-4-5", budget_usd=100)
explain(examples_of(40), settings, {{}}, Folder({folder!r}), sae_id="model/recipe")
"""


def test_a_killed_stage_pays_for_no_answer_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """An answer that reached the disk is never asked for again; one under way at the kill is, and counts as spent."""

    def slowly(number: int, body: dict) -> Act:
        time.sleep(0.02)
        return Say()

    root, folder = str(Path(__file__).parents[2]), Folder(str(tmp_path / "ledger"))
    with serving(slowly) as server:
        monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
        running = subprocess.Popen([sys.executable, "-c", STAGE.format(root=root, folder=folder.url)])
        while len([n for n in folder.names() if n.startswith("answer-")]) < 10 and running.poll() is None:
            time.sleep(0.002)
        running.kill()
        assert running.wait() == -signal.SIGKILL
        kept = set(Ledger.open(folder).answers)
        asked = len(server.bodies)
        found = explain(examples_of(40), SETTINGS, {}, folder, sae_id=PAYER)
        again = {key_of(body) for body in server.bodies[asked:]}
    assert found.explanations["status"].to_pylist() == ["ok"] * 40
    assert 10 <= len(kept) < 40
    assert not kept & again, "an answer that was kept was asked for again"
    assert again | kept == set(Ledger.open(folder).answers)
    worst = [answer.at_risk_usd for answer in Ledger.open(folder).answers.values() if answer.at_risk_usd]
    assert len(worst) >= asked - len(kept), f"{asked - len(kept)} answers were lost, {len(worst)} of them counted"
