"""What a whole run leaves for whoever is on call: in the store, in the warehouse, on the terminal, in Dagster."""

import json
import subprocess
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest
from command_line import glasshouse
from small_house import copied_house

from pipelines.dagster_support.orphaned_runs import TAG, _named
from pipelines.health_sensor import run_health
from pipelines.store.publication import publish_store
from pipelines.store.removal import plan_removal, remove_from_store
from pipelines.store.run_health import RunHealth
from pipelines.store.stage_records import stage_records, write_record
from pipelines.store.store import Store
from sql.warehouse import connect
from storage.manifest import Manifest


@pytest.fixture
def store(made_house, tmp_path) -> Store:
    return copied_house(made_house, tmp_path)


def rows(store: Store) -> list[dict]:
    with closing(connect(store.published)) as con:
        found = con.execute("from run_health")
        names = [column[0] for column in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def fail(store: Store, stage: str) -> None:
    [record] = [each for each in stage_records(store.layout) if each.stage == stage]
    write_record(store.layout, record.failed(record.last, "failed", "ValueError: no room", "Make room."))


def test_every_stage_of_the_chain_has_a_row_and_wrote_what_lies_in_the_store(store):
    from tests.pipelines.test_graph import GRAPH

    found = {row["stage"]: row for row in rows(store)}
    assert found.keys() == GRAPH.keys() - {"published_warehouse"}
    assert all(row["is_healthy"] and row["partition"] == "first/small" for row in found.values())
    for stage, table in (("logit_effects", "logit_effect"), ("neighbors", "neighbor"), ("feature_map", "feature_map")):
        place = Path(store.layout.table_at(table, model_id="first", recipe_id="small").path)
        assert found[stage]["made_written_bytes"] >= sum(file.stat().st_size for file in place.iterdir())
    sites = Path((store.layout.root / "activations" / "first").path)
    stored = sum(file.stat().st_size for file in sites.rglob("*") if file.is_file())
    rest = found["activations"]["made_written_bytes"] - stored
    assert 0 <= rest < 100_000, f"beside {stored:,} bytes of shards and manifests, {rest:,} of small tables"
    assert all(0 < row["made_seconds"] < 600 for row in found.values())
    assert all(50e6 < row["made_peak_memory_bytes"] < 20e9 for row in found.values())


def test_a_failure_stands_first_in_the_view_and_ends_the_command_with_one(store):
    places = {"GLASSHOUSE_HOME": store.layout.root.url, "GLASSHOUSE_REGISTRY": store.registry_folder.url}
    sound = glasshouse("health", **places)
    assert sound.returncode == 0, sound
    assert {tuple(line.split()[:3]) for line in sound.stdout.splitlines()} >= {
        ("logit_effects", "first/small", "succeeded"),
        ("feature_statistics", "first/small", "succeeded"),
    }, "names are not cut, however narrow the terminal"
    fail(store, "logit_effects")
    ended = glasshouse("health", **places)
    assert ended.returncode == 1
    assert "ValueError: no room" in ended.stdout
    assert "Make room." in ended.stdout
    told = map(json.loads, glasshouse("health", "--json", **places).stdout.splitlines())
    assert {each["stage"]: each["status"] for each in told}["logit_effects"] == "failed"
    publish_store(store)
    first, *others = rows(store)
    assert (first["stage"], first["status"], first["what_to_do"]) == ("logit_effects", "failed", "Make room.")
    assert all(other["is_healthy"] for other in others)


def test_a_failure_of_a_card_that_is_gone_counts_no_more(store):
    [record] = [each for each in stage_records(store.layout) if each.stage == "neighbors"]
    gone = record.failed(record.last, "failed", "ValueError: no room", "Make room.")
    write_record(store.layout, replace(gone, partition="gone/small"))
    fail(store, "logit_effects")
    found = RunHealth.of(store)
    assert [each.partition for each in found.failures] == ["first/small"]
    assert [each.partition for each in found.forgotten] == ["gone/small"]
    (store.registry_folder / "recipes").write_bytes("broken.yaml", b"{")
    assert len(RunHealth.of(store).failures) == 2, "a card that cannot be read may ask for it"


def told_by_the_sensor(store: Store, instance: dg.DagsterInstance, cursor: str | None = None) -> dg.SensorResult:
    with dg.build_sensor_context(instance, cursor, resources={"store": store}) as context:
        told = run_health(context)
    assert isinstance(told, dg.SensorResult)
    return told


def test_the_sensor_ends_a_run_whose_process_was_killed(store):
    @dg.job
    def job() -> None: ...

    child = subprocess.Popen(["sleep", "60"])
    process = _named(child.pid)
    child.kill()
    child.wait()
    with dg.DagsterInstance.ephemeral() as instance:
        run = instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
        instance.add_run_tags(run.run_id, {TAG: f"{run.run_id} {process}"})
        assert f"{run.run_id} was killed" in str(told_by_the_sensor(store, instance).skip_reason)
        ended = instance.get_run_by_id(run.run_id)
    assert ended is not None
    assert ended.status == dg.DagsterRunStatus.FAILURE


def test_the_sensor_writes_a_change_down_once(store):
    def checks(cursor: str | None) -> tuple[list[bool], str]:
        with dg.DagsterInstance.ephemeral() as instance:
            told = told_by_the_sensor(store, instance, cursor)
        return [each.passed for each in told.asset_events], str(told.cursor)  # pyright: ignore[reportAttributeAccessIssue]

    passed, cursor = checks(None)
    assert passed == [True, True]
    assert checks(cursor) == ([], cursor)
    fail(store, "neighbors")
    passed, after = checks(cursor)
    assert passed == [False, True]
    assert checks(after) == ([], after)


def test_tables_that_nobody_publishes_become_a_failed_check(store):
    from assets.run_health import evaluations

    [published] = [each for each in stage_records(store.layout) if each.stage == "published_warehouse"]
    old = replace(published, last=replace(published.last, began_at="2020-01-01T00:00:00.000"))
    write_record(store.layout, old)
    [made] = [each for each in stage_records(store.layout) if each.stage == "sae"]
    assert made.made is not None
    write_record(store.layout, replace(made, made=replace(made.made, began_at="2020-01-02T00:00:00.000")))
    _, late = evaluations(store)
    assert not late.passed
    assert "publish_updates" in str(late.description)


def test_records_go_with_their_dictionary_and_make_no_dataset_another(store):
    before = Manifest.read(store.layout.sae_at("first", "small"))
    fail(store, "sae")
    assert Manifest.read(store.layout.sae_at("first", "small")) == before
    remove_from_store(plan_removal(store, ("first/small",)))
    assert [each.stage for each in stage_records(store.layout)] == ["published_warehouse"]
