"""A launch is waited for by what lies in the store: engines fail, lie and fall silent."""

import json
from pathlib import Path

import pytest

from pipelines.launchers.kinds.local import LocalMachine
from pipelines.launchers.launcher import JobPhase, JobState, UnusableMachine
from pipelines.launchers.machine_card import MachineCard
from pipelines.launches import watched_launch
from pipelines.launches.launch_order import LaunchOrder
from pipelines.launches.watched_launch import LaunchFailed, WatchedLaunch, work_folder
from pipelines.store.open_store import RankStore

RUNNING, ENDED = JobState(JobPhase.RUNNING), JobState(JobPhase.ENDED)
FAILED, UNKNOWN = JobState(JobPhase.FAILED, "NODE_FAIL"), JobState(JobPhase.UNKNOWN, "no answer")


class Scripted:
    """An engine that says what it is told to; a callable among the states is called when its time comes."""

    def __init__(self, *states) -> None:
        self.states, self.submitted, self.cancelled = list(states), [], []
        self.written: list[tuple[str, str]] = []

    def check(self) -> None: ...

    def submit(self, launch) -> str:
        self.submitted.append(launch)
        return f"job{len(self.submitted)}"

    def state(self, job: str) -> JobState:
        while callable(self.states[0]):
            self.states.pop(0)()
        return self.states.pop(0) if len(self.states) > 1 else self.states[0]

    def lines(self, launch, job):
        found, self.written = self.written, []
        return iter(found)

    def cancel(self, job: str) -> None:
        self.cancelled.append(job)


class Heard:
    def __init__(self) -> None:
        self.lines: list[str] = []
        self.parts: dict[str, str] = {}

    def line(self, text: str, process: str = "") -> None:
        self.lines.append(text)

    def progress(self, parts: dict[str, str]) -> None:
        self.parts = parts


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr(watched_launch, "POLL", 0.0)
    monkeypatch.setattr(watched_launch, "LOOKED_AT_EVERY", 0.0)


@pytest.fixture
def watched(tmp_path, monkeypatch):
    (tmp_path / "data").mkdir()
    store = RankStore(str(tmp_path / "data"), str(tmp_path / "registry"))

    def make(engine, *, gang=False, **card):
        monkeypatch.setattr(LocalMachine, "engine", lambda self: engine)
        order = LaunchOrder("activations", ("m/r",), {"site": {"a": 1}}, 2)
        return WatchedLaunch(store, "here", LocalMachine(processes=2, **card), order, gang, Heard())

    return make


class Work:
    def __init__(self) -> None:
        self.done = 0

    def is_done(self) -> bool:
        return self.done >= 2

    def finish(self) -> None:
        self.done = 2


def test_success_is_what_lies_in_the_store_whatever_the_engine_says(watched):
    for last in (ENDED, FAILED):
        work = Work()
        engine = Scripted(RUNNING, work.finish, last)
        watched(engine).run(work.is_done)
        assert len(engine.submitted) == 1


def test_a_job_whose_work_is_done_is_ended_though_a_process_goes_on(watched):
    work = Work()
    engine = Scripted(RUNNING, work.finish, RUNNING)
    launch = watched(engine)
    launch.run(work.is_done)
    assert engine.cancelled == ["job1"]
    assert any("all is made: job job1 is ended" in line for line in launch.listener.lines)


def test_an_engine_that_does_not_answer_is_asked_again(watched):
    work = Work()
    engine = Scripted(RUNNING, UNKNOWN, UNKNOWN, RUNNING, work.finish, ENDED)
    launch = watched(engine)
    launch.run(work.is_done)
    assert "job job1 is unknown (no answer)" in launch.listener.lines
    assert len(engine.submitted) == 1


def test_a_failed_job_is_launched_again_while_the_work_grows(watched):
    work = Work()
    engine = Scripted(FAILED, lambda: setattr(work, "done", 1), FAILED, work.finish, FAILED)
    launch = watched(engine, restarts=5)
    launch.run(work.is_done, lambda: work.done)
    assert len(engine.submitted) == 3
    assert len({one.name for one in engine.submitted}) == 3


def test_one_that_does_not_grow_is_given_up_with_its_last_lines(watched):
    work, engine = Work(), Scripted(FAILED)
    engine.written = [("rank-1", f"line {n}") for n in range(9)]
    with pytest.raises(LaunchFailed, match=r"job job2 on here failed \(NODE_FAIL\), and activations-\w+ is not done"):
        watched(engine, restarts=5).run(work.is_done, lambda: work.done)
    engine = Scripted(FAILED)
    engine.written = [("rank-1", f"line {n}") for n in range(9)]
    with pytest.raises(LaunchFailed, match=r"logs are in .*(\n  rank-1: line [4-8]){5}$"):
        watched(engine, restarts=0).run(work.is_done)


def test_what_only_a_person_can_mend_is_raised_and_not_tried_again(watched):
    work, engine = Work(), Scripted(FAILED)
    launch = watched(engine)
    engine.states.insert(
        0, lambda: launch.folder.write_bytes("error-1.json", b'{"rank": 1, "said": "Unwritable: full"}')
    )
    with pytest.raises(ValueError, match=r"^rank 1 on here: Unwritable: full$"):
        launch.run(work.is_done)
    assert len(engine.submitted) == 1


def test_a_job_of_somebody_who_is_gone_is_waited_for_and_one_of_another_machine_is_not(watched):
    for machine, submitted in (("here", 0), ("elsewhere", 1)):
        work = Work()
        engine = Scripted(RUNNING, RUNNING, work.finish, ENDED)
        launch = watched(engine)
        launch.folder.write_bytes("job.json", json.dumps({"machine": machine, "job": "old"}).encode())
        launch.run(work.is_done)
        assert len(engine.submitted) == submitted


def test_lines_are_heard_and_progress_is_kept_apart(watched):
    work = Work()
    engine = Scripted(RUNNING, work.finish, ENDED)
    engine.written = [("rank-0", "progress units 3.50"), ("rank-1", "began"), ("rank-1", "progress units 2.00")]
    launch = watched(engine)
    launch.run(work.is_done)
    assert launch.listener.parts == {"rank-0": "units 3.50", "rank-1": "units 2.00"}
    assert "rank-1: began" in launch.listener.lines


def test_a_silent_process_is_named_once_and_so_is_its_return(watched, monkeypatch):
    ages = iter([{0: 1.0, 1: 60.0}] * 4)
    monkeypatch.setattr(watched_launch, "silences", lambda folder, world: next(ages, {0: 1.0, 1: 1.0}))
    work = Work()
    launch = watched(Scripted(RUNNING, RUNNING, RUNNING, work.finish, ENDED))
    launch.run(work.is_done)
    assert launch.listener.lines[-4:-1] == [
        "job job1 is running",
        "rank 1 gave no sign of life for 60 s: the others do its work",
        "rank 1 is heard of again",
    ]


def test_a_job_whose_processes_are_all_silent_is_launched_again(watched, monkeypatch):
    work, engine = Work(), Scripted(RUNNING)
    ages = iter([{0: None, 1: 60.0}] * 2 + [{0: None, 1: 200.0}] * 2)

    def heard(folder, world):
        found = next(ages, None)
        if found is None:
            work.finish()
            return {0: 1.0, 1: 1.0}
        return found

    monkeypatch.setattr(watched_launch, "silences", heard)
    launch = watched(engine)
    launch.run(work.is_done)
    assert engine.cancelled[0] == "job1"
    assert len(engine.submitted) == 2
    assert any("no process that is left gives a sign of life" in line for line in launch.listener.lines)


def test_an_error_while_waiting_ends_the_job(watched):
    class Cancelled(Exception):
        pass

    def stop():
        raise Cancelled

    engine = Scripted(RUNNING, stop)
    with pytest.raises(Cancelled):
        watched(engine).run(lambda: False)
    assert engine.cancelled == ["job1"]


def test_logs_of_a_store_that_is_no_folder_want_a_place(tmp_path):
    store = RankStore("s3://bucket/data")
    with pytest.raises(
        UnusableMachine, match=r"machine hpc: the store s3://bucket/data is no folder.*: give work_folder"
    ):
        work_folder(store, "hpc", LocalMachine())
    assert work_folder(store, "hpc", LocalMachine(work_folder=str(tmp_path))) == Path(tmp_path)
    assert MachineCard.model_fields["work_folder"].default is None
