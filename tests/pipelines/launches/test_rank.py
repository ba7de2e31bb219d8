"""A process of a launch does its share, says how far it is, and ends as whoever waits for it must be told."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from pipelines.launchers.launcher import USERS_ERROR
from pipelines.launches import rank
from pipelines.launches.launch_order import LaunchOrder
from pipelines.launches.rank_work import GangWork
from pipelines.store.open_store import RankStore
from storage.remote_errors import Unreachable

ROOT = Path(__file__).resolve().parents[3]


@dataclass
class Units:
    """Work that a test looks at afterwards."""

    n_units: int = 5
    error: BaseException | None = None
    done: list[int] = field(default_factory=list)

    def is_done(self, unit: int) -> bool:
        return unit in self.done

    def do(self, unit: int, report) -> None:
        if self.error is not None:
            raise self.error
        report(1, 2)
        self.done.append(unit)


@pytest.fixture
def launch(tmp_path, monkeypatch) -> LaunchOrder:
    (tmp_path / "data").mkdir()
    monkeypatch.setenv("GLASSHOUSE_HOME", str(tmp_path / "data"))
    order = LaunchOrder("counting", ("m/r",), {"m/r": {"a": 1}}, world=2)
    order.write(RankStore().layout)
    return order


def run(launch: LaunchOrder, work, monkeypatch, number: int = 1) -> int:
    stage = type("Stage", (), {"work": staticmethod(lambda store, order, tell: work)})
    monkeypatch.setattr(rank, "launch_stages", lambda: {"counting": stage})
    return rank.main([launch.launch_id, "--rank", str(number)])


def left(launch: LaunchOrder) -> set[str]:
    return set(launch.folder(RankStore().layout).names())


def test_it_does_its_units_and_those_of_who_has_not_begun_and_says_so(launch, monkeypatch, capsys):
    work = Units()
    assert run(launch, work, monkeypatch) == 0
    assert work.done[:2] == [1, 3]
    assert sorted(work.done) == [0, 1, 2, 3, 4]
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "began: counting of m/r, 1 of 2"
    assert lines[-2:] == ["did 5 of 5 units", "ended"]
    told = [float(line.removeprefix("progress units ")) for line in lines if line.startswith("progress units ")]
    assert (told, told[-1]) == (sorted(told), 5.0)
    assert left(launch) == {"order.json"}, "its sign of life goes with it"


@pytest.mark.parametrize(
    ("error", "code", "is_left"),
    [
        (ValueError("the card changed: run again"), USERS_ERROR, True),
        (PermissionError(13, "not ours"), USERS_ERROR, True),
        (Unreachable("the bucket is gone", may_pass=False), USERS_ERROR, True),
        (Unreachable("503: slow down", may_pass=True), 1, False),
    ],
    ids=["card", "rights", "bucket", "busy"],
)
def test_what_a_person_must_mend_is_left_in_the_store_and_what_may_pass_is_tried_again(
    launch, monkeypatch, capsys, error, code, is_left
):
    assert run(launch, Units(error=error), monkeypatch) == code
    sentence = f"{type(error).__name__}: {error}"
    assert capsys.readouterr().out.splitlines()[-1] == f"failed: {sentence}"
    assert ("error-1.json" in left(launch)) == is_left
    if is_left:
        said = json.loads(launch.folder(RankStore().layout).read_bytes("error-1.json"))
        assert said == {"rank": 1, "said": sentence}


def test_a_mistake_of_ours_is_a_trace_and_no_sentence(launch, monkeypatch):
    with pytest.raises(ZeroDivisionError):
        run(launch, Units(error=ZeroDivisionError()), monkeypatch)
    assert left(launch) == {"order.json"}


def test_what_all_do_together_is_told_rank_and_number(launch, monkeypatch):
    told: list[tuple[int, int]] = []
    assert run(launch, GangWork(lambda number, world: told.append((number, world))), monkeypatch, number=0) == 0
    assert told == [(0, 2)]


def test_a_launch_that_has_ended_is_a_sentence(launch):
    with pytest.raises(ValueError, match="holds no order: the launch has ended"):
        rank.main(["counting-0000", "--rank", "0"])


def test_the_process_of_one_that_was_killed_ends(launch):
    """It is asked to end with another, whose number may be used again."""
    sleeper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    code = f"from pipelines.launches.rank import _end_with; _end_with({sleeper.pid})"
    watcher = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)})
    assert watcher.poll() is None
    sleeper.kill()
    sleeper.wait()
    assert watcher.wait(timeout=60) == 1
