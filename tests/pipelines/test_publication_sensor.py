"""Tables that were written are published: once for runs that end together, a quarter of an hour late at most, and none
is forgotten that was written while another publication was under way."""

from pathlib import Path

import dagster as dg
import pytest

from pipelines import jobs, sensors
from pipelines.definitions import defs
from pipelines.sensors import changed_lists, publish_updates
from pipelines.store.store import Store


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as ephemeral:
        ephemeral.add_dynamic_partitions("sae", ["m/a", "m/b"])
        yield ephemeral


def write(instance, table: str, sae_id: str) -> None:
    instance.report_runless_asset_event(dg.AssetMaterialization(table, partition=sae_id))


def publish(instance, meanwhile=lambda: None) -> None:
    """A run that publishes, and what happens after it read the store."""

    @dg.op
    def publication(context: dg.OpExecutionContext) -> None:
        meanwhile()
        context.log_event(dg.AssetMaterialization("published_warehouse"))

    @dg.job(name=jobs.publish.name)
    def publishing() -> None:
        publication()

    assert publishing.execute_in_process(instance=instance).success


def sensed(instance, cursor: str = "") -> tuple[str | None, str]:
    """The run that is asked for, by its key, and the new cursor."""
    context = dg.build_sensor_context(instance=instance, cursor=cursor, definitions=defs)
    asked = publish_updates(context)
    return asked.run_key if isinstance(asked, dg.RunRequest) else None, context.cursor or ""


def begin(instance, job: str, status: dg.DagsterRunStatus = dg.DagsterRunStatus.STARTED) -> dg.DagsterRun:
    return instance.create_run_for_job(defs.resolve_job_def(job), status=status)


def test_nothing_is_published_before_a_table_is_written_or_after_all_were(instance):
    assert sensed(instance)[0] is None
    write(instance, "feature_statistics", "m/a")
    publish(instance)
    assert sensed(instance)[0] is None


def test_what_was_written_is_asked_for_once(instance):
    write(instance, "feature_statistics", "m/a")
    key, cursor = sensed(instance)
    assert key is not None
    assert sensed(instance, cursor)[0] == key, "Dagster starts a run of the same key once"
    write(instance, "label_scores", "m/b")
    assert sensed(instance)[0] not in (None, key)


def test_runs_under_way_are_waited_for_a_quarter_of_an_hour_at_most(instance, monkeypatch):
    write(instance, "feature_statistics", "m/a")
    run = begin(instance, "full_pipeline")
    key, cursor = sensed(instance)
    assert key is None
    now = float(cursor)
    monkeypatch.setattr(sensors.time, "time", lambda: now + 899)
    key, cursor = sensed(instance, cursor)
    assert (key, cursor) == (None, str(now)), "it waits since it first saw them"
    monkeypatch.setattr(sensors.time, "time", lambda: now + 901)
    assert sensed(instance, cursor)[0] is not None
    monkeypatch.setattr(sensors.time, "time", lambda: now + 1)
    instance.report_run_canceled(run)
    assert sensed(instance, cursor)[0] is not None


def test_nothing_more_is_asked_for_while_a_publication_waits_or_works(instance):
    """One that waits behind a long run shows what that run writes, too."""
    write(instance, "feature_statistics", "m/a")
    waiting = begin(instance, "publish", dg.DagsterRunStatus.NOT_STARTED)
    write(instance, "label_scores", "m/b")
    key, cursor = sensed(instance)
    assert key is None
    instance.report_run_canceled(waiting)
    assert sensed(instance, cursor)[0] is not None


def test_a_publication_goes_before_every_run_that_waits_and_experiments_after_the_features_of_a_model():
    """So that it begins in time where the queue never empties, and a model that arrives need not wait for questions."""
    of = {job.name: int(job.tags.get("dagster/priority", 0)) for job in defs.resolve_all_job_defs()}
    questions = {of.pop(name) for name in list(of) if name.startswith("experiment_")}
    assert of.pop("publish") > max(of.values())
    assert len(questions) == 1
    assert max(questions) < of["full_pipeline"]


def test_a_table_that_is_written_during_a_publication_is_published_by_the_next(instance):
    write(instance, "feature_statistics", "m/a")
    publish(instance, meanwhile=lambda: write(instance, "feature_statistics", "m/b"))
    assert sensed(instance)[0] is not None


def test_lists_are_published_when_they_change_and_each_change_once(tmp_path: Path):
    for name in ("models", "recipes", "lists"):
        (tmp_path / name).mkdir()
    file, cursor = tmp_path / "lists" / "a.yaml", ""

    def asked() -> bool:
        nonlocal cursor
        with dg.build_sensor_context(cursor=cursor, resources={"store": Store(registry=str(tmp_path))}) as context:
            result = changed_lists(context)
            cursor = context.cursor or ""
        return isinstance(result, dg.RunRequest)

    first, second = (f"title: {name}\nfeatures: [{{feature: m/r/7}}]\n" for name in ("First", "Second"))
    found = [asked()]
    for text in (first, None, second, first, None):
        if text:
            file.write_text(text)
        found.append(asked())
    file.unlink()
    found += [asked(), asked()]
    assert found == [False, True, False, True, True, False, True, False]
