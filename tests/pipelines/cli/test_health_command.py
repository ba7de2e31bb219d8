"""`glasshouse health` and the sensor beside it, of records that were written down: what is late, what broke since."""

import dagster as dg
import pytest
from command_line import glasshouse

from pipelines import health_sensor
from pipelines.store.stage_records import Attempt, StageRecord, write_record
from pipelines.store.store import Store
from storage.remote_errors import Unreachable


@pytest.fixture
def store(tmp_path) -> Store:
    """One whose cards cannot be read: nobody knows which stages they ask for, so each one counts."""
    (tmp_path / "data").mkdir()
    (tmp_path / "registry" / "models").mkdir(parents=True)
    (tmp_path / "registry" / "models" / "broken.yaml").write_text("[")
    return Store(home=str(tmp_path / "data"), registry=str(tmp_path / "registry"))


def health(home) -> tuple[int, str]:
    ended = glasshouse("health", GLASSHOUSE_HOME=str(home), GLASSHOUSE_REGISTRY=str(home.parent / "registry"))
    return ended.returncode, ended.stdout + ended.stderr


def write_success(store: Store, stage: str) -> StageRecord:
    attempt = Attempt("2020-01-01T00:00:00.000", "run", "job", "host:1:1", 60.0, written_bytes=1)
    record = StageRecord.begun(None, stage, "a/b", attempt).ended(attempt)
    write_record(store.layout, record)
    return record


def test_tables_that_wait_for_years_end_the_command_with_one_though_no_stage_failed(store, tmp_path):
    write_success(store, "sae")
    code, said = health(tmp_path / "data")
    assert code == 1
    assert "not published tables of 1 runs" in said
    assert "glasshouse publish" in said


def test_a_store_in_which_nothing_ran_is_told_from_one_that_is_not_there(tmp_path, store):
    assert health(tmp_path / "data") == (0, "no stage has run in this store yet: glasshouse run\n")
    code, said = health(tmp_path / "mistyped")
    assert code == 1
    assert "mistyped" in said
    assert "GLASSHOUSE_HOME" in said


def look(store: Store, cursor: str | None) -> tuple[int, str | None]:
    """How many checks the sensor writes down, and what it remembers."""
    with (
        dg.DagsterInstance.ephemeral() as instance,
        dg.build_sensor_context(instance=instance, cursor=cursor, resources={"store": store}) as context,
    ):
        told = health_sensor.run_health(context)
    assert isinstance(told, dg.SensorResult)
    return len(told.asset_events), told.cursor


def test_a_second_stage_that_fails_is_written_down_too_and_a_store_out_of_reach_forgets_nothing(store, monkeypatch):
    cursor = None
    for stage in ("sae", "neighbors"):
        record = write_success(store, stage)
        write_record(store.layout, record.failed(record.last, "failed", "ValueError: no room", "Make room."))
        written, cursor = look(store, cursor)
        assert written == 2

    def no_answer(store: Store) -> None:
        raise Unreachable("no answer", may_pass=True)

    monkeypatch.setattr(health_sensor, "evaluations", no_answer)
    assert look(store, cursor) == (0, cursor)
