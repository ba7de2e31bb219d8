"""What a stage leaves about its run: how it ended, what it cost, what to do; and that this takes nothing away."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import dagster as dg
import numpy as np
import pytest

from pipelines.dagster_support.json_log import _JSONLines
from pipelines.dagster_support.orphaned_runs import process_tag
from pipelines.dagster_support.user_errors import fail_without_retry
from pipelines.store.recorded_stage import recorded_stage
from pipelines.store.run_health import LATE, RunHealth
from pipelines.store.stage_records import (
    Attempt,
    StageRecord,
    read_record,
    record_rows,
    run_command,
    stage_records,
    write_record,
)
from pipelines.store.store import Store
from storage.folder import Folder

ROOT = Path(__file__).resolve().parents[3]
PARTITIONS = dg.StaticPartitionsDefinition(["first/small"])


@pytest.fixture
def store(tmp_path) -> Store:
    (tmp_path / "data").mkdir()
    return Store(home=str(tmp_path / "data"), registry=str(tmp_path / "registry"))


def run(
    store: Store,
    work: Callable[[dg.AssetExecutionContext, Store], object],
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.ERROR,
) -> bool:
    """Whether a stage that does some work succeeds; it says what it was given to say."""

    @dg.asset(name="corpus", partitions_def=PARTITIONS, check_specs=[dg.AssetCheckSpec("sound", asset="corpus")])
    @recorded_stage
    @fail_without_retry
    def corpus(context: dg.AssetExecutionContext, store: Store) -> dg.MaterializeResult:
        passed = work(context, store) is not False
        check = dg.AssetCheckResult(
            check_name="sound", passed=passed, severity=severity, description="two rows are one"
        )
        return dg.MaterializeResult(check_results=[check])

    with dg.DagsterInstance.ephemeral() as instance:
        quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
        ran = dg.materialize(
            [corpus],
            partition_key="first/small",
            resources={"store": store},
            instance=instance,
            run_config=quiet,
            raise_on_error=False,
        )
        return ran.success


def record(store: Store) -> StageRecord:
    [found] = stage_records(store.layout)
    return found


def test_time_memory_and_bytes_are_those_that_the_stage_took(store):
    idle = 0

    def work(context, store):
        nonlocal idle
        of_process = Path("/proc/self/status").read_text().splitlines()
        idle = int(next(line for line in of_process if "VmRSS" in line).split()[1])
        held = np.ones(200_000_000, dtype=np.uint8)
        store.layout.tables().write_bytes("rows", bytes(held[:123_456]))

    before = StageRecord.begun(None, "corpus", "first/small", Attempt("2026-01-01T00:00:00.000", "r", "j", "p"))
    write_record(store.layout, before)
    assert run(store, work)
    found = record(store)
    assert found.status == "succeeded"
    assert found.made is not None
    assert found.made.written_bytes == 123_456
    assert 0 < (found.made.seconds or 0) < 30
    growth = (found.made.peak_memory_bytes or 0) - idle * 1024
    assert 0.9 * 200e6 < growth < 400e6, f"the peak lies {growth / 1e6:.0f} MB above what was held before, of 200"


def test_a_run_that_finds_all_there_keeps_what_making_it_cost(store):
    assert run(store, lambda context, store: store.layout.tables().write_bytes("rows", b"1234"))
    made = record(store)
    assert run(store, lambda context, store: None)
    found = record(store)
    assert found.made == made.made
    assert found.last.run_id != made.last.run_id
    assert (found.succeeded_at or "") > (made.succeeded_at or "")


@pytest.mark.parametrize(
    ("error", "status", "said", "told"),
    [
        (ValueError("k is 5: set k to 4"), "failed", "ValueError: k is 5: set k to 4", "run again: glasshouse run"),
        (MemoryError(), "failed", "MemoryError", "docs/limits.md"),
        (ZeroDivisionError("division by zero"), "failed", "ZeroDivisionError: division by zero", "report the trace"),
        (KeyboardInterrupt(), "stopped", "somebody stopped it", "Nothing is wrong"),
    ],
)
def test_a_failure_is_kept_with_what_to_do_until_the_next_success(store, error, status, said, told):
    def work(context, store):
        raise error

    assert run(store, lambda context, store: store.layout.tables().write_bytes("rows", b"1"))
    made = record(store)
    try:
        assert not run(store, work)
    except KeyboardInterrupt:
        assert status == "stopped"
    found = record(store)
    assert (found.status, found.failure) == (status, said)
    assert told in (found.what_to_do or "")
    assert "glasshouse run --model first --recipe small" in (found.what_to_do or "")
    assert (found.succeeded_at, found.made) == (made.succeeded_at, made.made)
    assert RunHealth([found]).failures == [found]
    assert run(store, lambda context, store: None)
    assert (record(store).failure, record(store).what_to_do) == (None, None)


def test_a_check_that_is_not_passed_is_no_success(store):
    assert run(store, lambda context, store: False)
    found = record(store)
    assert (found.status, found.failure) == ("check failed", "sound: two rows are one")
    assert found.succeeded_at is None
    assert run(store, lambda context, store: False, dg.AssetCheckSeverity.WARN)
    assert (record(store).status, record(store).failure) == ("succeeded", None)


def test_memory_of_the_accelerator_is_kept_and_of_a_long_sentence_the_beginning(store, monkeypatch):
    def work(context, store):
        raise ValueError("x" * 10_000)

    monkeypatch.setattr("pipelines.store.recorded_stage.peak_gpu_memory", lambda: lambda: 7_000)
    assert not run(store, work)
    found = record(store)
    assert found.last.peak_gpu_bytes == 7_000
    assert found.failure == f"ValueError: {'x' * 10_000}"[:4000]


def test_a_process_that_was_killed_is_told_from_one_at_work(store):
    sleeper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    from pipelines.dagster_support.orphaned_runs import _named

    for partition, process in (("first/small", process_tag()), ("first/other", _named(sleeper.pid))):
        attempt = Attempt("2026-11-30T08:00:00.000", "run", "job", process)
        write_record(store.layout, StageRecord.begun(None, "sae", partition, attempt))
    assert {each.partition: each.status for each in stage_records(store.layout)} == {
        "first/small": "running",
        "first/other": "running",
    }
    sleeper.send_signal(signal.SIGKILL)
    sleeper.wait()
    [killed] = RunHealth(stage_records(store.layout)).failures
    assert (killed.partition, killed.status) == ("first/other", "killed")
    assert "glasshouse run --model first --recipe other" in (killed.what_to_do or "")


def test_a_store_that_is_not_there_is_not_made_by_a_record(tmp_path):
    store = Store(home=str(tmp_path / "mistyped"))
    assert not run(store, lambda context, store: [][0])
    assert not (tmp_path / "mistyped").exists()


def test_a_store_that_takes_or_gives_no_record_ends_no_stage(store):
    place = Path(store.layout.root.path) / "stage_records"
    place.write_text("a file in the way")
    assert run(store, lambda context, store: None)
    place.unlink()
    (place / "corpus" / "first" / "small.json").mkdir(parents=True)
    assert run(store, lambda context, store: None)


def test_a_record_that_goes_while_they_are_read_is_as_none(store, monkeypatch):
    assert run(store, lambda context, store: None)
    monkeypatch.setattr(Folder, "files_below", lambda folder: ["corpus/first/small.json", "corpus/first/gone.json"])
    assert record(store).status == "succeeded"


def test_what_goes_on_is_said_for_a_recipe_an_experiment_and_the_publication():
    assert run_command("sae", "m/r") == "glasshouse run --model m --recipe r"
    assert run_command("logit_lens", "m/e") == "glasshouse experiment e --model m"
    assert run_command("published_warehouse", "") == "glasshouse publish"


def test_a_record_that_cannot_be_read_is_as_none(store):
    assert run(store, lambda context, store: None)
    folder = store.layout.stage_records() / "corpus" / "first"
    for body in (b"", b"[]", b'{"stage": "corpus"}', b"\xff"):
        folder.write_bytes("small.json", body)
        assert stage_records(store.layout) == []
        assert read_record(store.layout, "corpus", "first/small") is None
    assert run(store, lambda context, store: None)
    assert record(store).status == "succeeded"


def test_tables_that_wait_for_their_publication_are_late_after_an_hour():
    began = datetime(2026, 11, 30, 8, 0)

    def of(stage: str, partition: str, minutes: float, seconds: float = 60.0, *, wrote: int = 1) -> StageRecord:
        at = (began + timedelta(minutes=minutes)).isoformat(timespec="milliseconds")
        attempt = Attempt(at, "run", "job", "host:1:1", seconds, written_bytes=wrote)
        return StageRecord.begun(None, stage, partition, attempt).ended(attempt)

    late_by = began + LATE + timedelta(minutes=2)
    written, published = of("sae", "a/b", 0), of("published_warehouse", "", -5)
    assert RunHealth([written, published]).late_publication((late_by - timedelta(minutes=2)).isoformat()) is None
    told = RunHealth([written, published]).late_publication(late_by.isoformat())
    assert told is not None
    assert "glasshouse publish" in told
    assert RunHealth([written, of("published_warehouse", "", 2)]).late_publication(late_by.isoformat()) is None
    assert RunHealth([of("sae", "a/b", 0, wrote=0)]).late_publication(late_by.isoformat()) is None, "it made nothing"


def test_rows_name_recipe_or_experiment_and_leave_the_publication_out():
    attempt = Attempt("2026-11-30T08:00:00.000", "run", "job", "host:1:1", 1.5)
    records = [
        StageRecord.begun(None, stage, partition, attempt).ended(attempt)
        for stage, partition in (("sae", "m/r"), ("logit_lens", "m/e"), ("published_warehouse", ""))
    ]
    assert [row[:4] for row in record_rows(records)] == [
        ("sae", "m", "r", None),
        ("logit_lens", "m", None, "e"),
    ]


def test_lines_are_json_by_choice_and_name_run_partition_stage_and_rank(store, tmp_path, monkeypatch):
    import logging

    place = tmp_path / "lines.jsonl"

    def work(context, store):
        context.log.info("half of it")
        context.log.info("rank-3: did 2 units", extra={"glasshouse_process": "rank-3"})
        logging.getLogger("models.training").warning("slow", extra={"glasshouse_process": "pod-a"})
        try:
            [][0]
        except IndexError:
            logging.getLogger("models.training").exception("worse")
        raise ValueError("a sentence \N{BLACK STAR} with\na break")

    run(store, work)
    assert not place.exists()
    monkeypatch.setenv("GLASSHOUSE_JSON_LOG", str(place))
    run(store, work)
    lines = [json.loads(line) for line in place.read_text().splitlines()]
    assert {(each["partition"], each["stage"], each["run"]) for each in lines} == {
        ("first/small", "corpus", record(store).last.run_id)
    }
    messages = [each["message"] for each in lines]
    assert messages == ["corpus running", "half of it", "rank-3: did 2 units", "slow", "worse", "corpus failed"]
    assert [each.get("rank") for each in lines] == [None, None, 3, None, None, None]
    assert [each["level"] for each in lines] == ["info", "info", "info", "warning", "error", "error"]
    assert [each.get("process") for each in lines] == [None, None, None, "pod-a", None, None]
    assert "IndexError: list index" in lines[4]["error"]
    assert lines[-1]["failure"].startswith("ValueError: a sentence ★ with\na break")
    assert "glasshouse run --model first" in lines[-1]["what_to_do"]
    monkeypatch.setenv("GLASSHOUSE_JSON_LOG", str(tmp_path))
    assert run(store, lambda context, store: None), "a place that takes no line ends no stage"


def test_lines_may_go_to_standard_error(monkeypatch, capsys):
    monkeypatch.setenv("GLASSHOUSE_JSON_LOG", "-")
    _JSONLines({"stage": "sae"}).say("info", "half of it")
    told = json.loads(capsys.readouterr().err)
    assert (told["stage"], told["message"]) == ("sae", "half of it")


@pytest.mark.skipif(os.name != "posix", reason="appending is a matter of POSIX")
def test_processes_that_share_a_file_break_no_line(tmp_path):
    """Four write 200 lines of 4 kB each at once."""
    code = (
        "import sys, types; from pipelines.dagster_support.json_log import _JSONLines\n"
        "handler = _JSONLines({'stage': sys.argv[1]})\n"
        "for i in range(200): handler.say('info', 'x' * 4000, i=i)"
    )
    env = os.environ | {"GLASSHOUSE_JSON_LOG": str(tmp_path / "all.jsonl"), "PYTHONPATH": str(ROOT)}
    writers = [subprocess.Popen([sys.executable, "-c", code, str(n)], env=env, cwd=ROOT) for n in range(4)]
    assert [writer.wait() for writer in writers] == [0] * 4
    found = [json.loads(line) for line in (tmp_path / "all.jsonl").read_text().splitlines()]
    assert sorted((each["stage"], each["i"]) for each in found) == sorted(
        (str(n), i) for n in range(4) for i in range(200)
    )
