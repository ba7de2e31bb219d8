"""Dagster's own processes killed: `dagster dev` in the middle of a run, and its daemon in the middle of a backfill.

Whoever starts them again waits for nothing and does nothing: what was under way ends as if nobody had killed it.
"""

import os
import shutil
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from cluster_runs import hashes, shown
from command_line import glasshouse
from dagster_services import ROOT, DagsterServices, by_status, runs, until
from postgres_server import postgres_server
from small_house import RECIPE, small_house, store_of, write_model_card

from assets.published_warehouse import published_warehouse
from pipelines.dagster_support import publication_age
from pipelines.runs.in_process import run_partition
from pipelines.store.current_datasets import NOT_MADE

PATIENCE = 900
"""Seconds for what takes one minute alone."""
N_MODELS = 10
LONGER = RECIPE.replace("16_384", "100_000")
"""A training that is still at work when it is looked for."""


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A house that nobody stopped, moved aside; its cards, from which it is made again, stay."""
    store = small_house(tmp_path / "house", LONGER)
    with dg.DagsterInstance.ephemeral() as instance:
        assert run_partition(store, "first/small", instance).success
    (tmp_path / "house" / "data").rename(tmp_path / "whole")
    return tmp_path / "house"


def materialized(instance: dg.DagsterInstance) -> Counter[tuple[str, str | None]]:
    """How often each asset of each partition was made. A step that was killed behind its work runs once more and finds
    the work done: that is no second making.
    """
    made = Counter[tuple[str, str | None]]()
    for run in runs(instance):
        for entry in instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION):
            event = entry.get_dagster_event()
            assert event.asset_key is not None
            told = event.step_materialization_data.materialization.metadata
            if "remade_because" in told and told["remade_because"].value == NOT_MADE:
                continue
            made[event.asset_key.to_user_string(), event.partition] += 1
    return made


def is_published(instance: dg.DagsterInstance) -> bool:
    """Whether a dictionary was made, no run is to come, and the file has all."""
    waits = {"STARTED", "STARTING", "QUEUED", "NOT_STARTED"} & set(by_status(instance))
    newest = publication_age.newest_table(instance, published_warehouse.dependency_keys)
    if waits or newest is None or not by_status(instance, "full_pipeline").get("SUCCESS"):
        return False
    return newest <= publication_age.published_as_of(instance, published_warehouse.key)


def step_process(instance: dg.DagsterInstance, step: str) -> int:
    """The process that carries out a step."""
    [run] = runs(instance, "full_pipeline")
    started = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.STEP_WORKER_STARTED)
    [event] = [entry.get_dagster_event() for entry in started if entry.step_key == step][-1:]
    return int(str(event.engine_event_data.metadata["pid"].value))


@pytest.mark.slow
def test_dagster_dev_killed_in_the_middle_of_a_run_and_started_again_ends_it(house: Path, tmp_path: Path):
    """All its processes at once, as by a machine without power."""
    services, data = DagsterServices(store_of(house), tmp_path), house / "data"
    dev = services.start_dev()
    try:
        with services.instance() as instance:
            told = lambda: (by_status(instance), services.log.read_text()[-2000:])  # noqa: E731
            until(lambda: list(data.glob("saes/*/*/checkpoint/*")), PATIENCE, told)
            services.kill_all()
            dev.wait()
            assert by_status(instance) == {"STARTED": 1}

            dev = services.start_dev()
            seconds = until(lambda: is_published(instance), PATIENCE, told)
            shown("dagster dev killed and started again", seconds_to_the_publication=round(seconds))
            first, again = sorted(runs(instance, "full_pipeline"), key=lambda run: run.parent_run_id or "")
            assert (first.status.value, again.status.value, again.parent_run_id) == ("FAILURE", "SUCCESS", first.run_id)
            said = [entry.user_message or entry.message for entry in instance.all_logs(first.run_id)]
            assert any("The process of this run was killed" in line for line in said)
            assert max(n for (_, partition), n in materialized(instance).items() if partition) == 1
        dev.send_signal(signal.SIGINT)
        dev.wait(120)
        until(lambda: not services.processes(), 60, services.processes)
    finally:
        services.kill_all()
    assert_whole(house, tmp_path / "whole")


def assert_whole(house: Path, whole: Path) -> None:
    """Its tables are those of the house that nobody stopped; nothing is left to collect, nothing wrong."""
    store, places = store_of(house), {"GLASSHOUSE_HOME": str(house / "data"), "GLASSHOUSE_REGISTRY": ""}
    places |= {"GLASSHOUSE_REGISTRY": str(house / "registry"), "GLASSHOUSE_WAREHOUSE": str(store.warehouse)}
    now = hashes(store)
    collected = glasshouse("gc", "--older-than", "0", **places)
    verified = glasshouse("verify", **places)
    assert "nothing is unneeded" in collected.stdout, collected.stdout
    assert verified.returncode == 0, verified.stdout[-3000:]
    shutil.rmtree(house / "data")
    whole.rename(house / "data")
    assert now == hashes(store)


@pytest.mark.slow
def test_a_killed_step_is_said_and_done_again_and_a_killed_dagster_dev_leaves_no_process(tmp_path: Path):
    """The process of a step, as the system kills it for want of memory; then `dagster dev` alone: what it had started
    is ended by who watches it."""
    store = small_house(tmp_path / "house", LONGER)
    services, data = DagsterServices(store, tmp_path), tmp_path / "house" / "data"
    dev = services.start_dev()
    try:
        with services.instance() as instance:
            told = lambda: (by_status(instance), services.log.read_text()[-2000:])  # noqa: E731
            until(lambda: list(data.glob("saes/*/*/checkpoint/*")), PATIENCE, told)
            os.kill(step_process(instance, "sae"), signal.SIGKILL)
            until(lambda: list(data.glob("tables/feature_activation/*/*/*")), PATIENCE, told)
            [failed] = instance.get_runs(filters=dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE]))
            failures = instance.all_logs(failed.run_id, of_type=dg.DagsterEventType.STEP_FAILURE)
            errors = [entry.get_dagster_event().step_failure_data.error for entry in failures]
            said = [error.message.split(":")[0] for error in errors if error is not None]
            assert said == ["the process of sae was killed (SIGKILL)"]
            [killed] = [pid for pid, said in services.processes().items() if " -m dagster dev " in said]
            os.kill(killed, signal.SIGKILL)
            seconds = until(lambda: not services.processes(), 60, services.processes)
            shown("dagster dev killed alone", seconds_until_nothing_ran=round(seconds))
            assert dev.wait() == 128 + signal.SIGKILL
    finally:
        services.kill_all()


@pytest.fixture(params=["sqlite", "postgres"])
def ten(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[DagsterServices]:
    """Ten models, and the instance that is shipped, or the one for deployments; cards start nothing by themselves."""
    store = small_house(tmp_path / "house")
    (tmp_path / "house" / "registry" / "models" / "first.yaml").unlink()
    for number in range(N_MODELS):
        write_model_card(tmp_path / "house", f"model-{number}", "gpt2")
    if request.param == "sqlite":
        services = DagsterServices(store, tmp_path)
        services.do("sensor", "stop", "new_models", "-w", "workspace.yaml")
        yield services
        return
    pytest.importorskip("dagster_postgres", reason="the extra postgres is not installed")
    with postgres_server() as address, pytest.MonkeyPatch.context() as patch:
        url = f"postgresql+psycopg2://{address}"
        patch.setenv("DAGSTER_POSTGRES_URL", url)
        services = DagsterServices(store, tmp_path, ROOT / "deploy" / "dagster.yaml", DAGSTER_POSTGRES_URL=url)
        services.do("sensor", "stop", "new_models", "-w", "workspace.yaml")
        yield services


@pytest.mark.slow
def test_a_backfill_of_ten_models_survives_a_killed_daemon(ten: DagsterServices):
    keys = [f"model-{number}/small" for number in range(N_MODELS)]
    daemon = ten.start_daemon()
    try:
        with ten.instance() as instance:
            told = lambda: (by_status(instance), ten.log.read_text()[-2000:])  # noqa: E731
            instance.add_dynamic_partitions("sae", keys)
            asked = ("--partitions", ",".join(keys), "--noprompt", "-w", "workspace.yaml")
            ten.do("job", "backfill", "-j", "full_pipeline", *asked)
            began = time.monotonic()
            until(lambda: by_status(instance, "full_pipeline").get("SUCCESS", 0) >= 3, 2 * PATIENCE, told)
            daemon.kill()
            daemon.wait()
            at_the_kill = dict(by_status(instance, "full_pipeline"))
            daemon = ten.start_daemon()
            until(
                lambda: by_status(instance, "full_pipeline").get("SUCCESS", 0) >= N_MODELS and is_published(instance),
                4 * PATIENCE,
                told,
            )
            seconds, ended = round(time.monotonic() - began), dict(by_status(instance, "full_pipeline"))
            shown("ten models", seconds=seconds, when_the_daemon_was_killed=at_the_kill, at_the_end=ended)
            made = {key: n for key, n in materialized(instance).items() if key[1] is not None}
            assert {partition for _, partition in made} == set(keys)
            assert {key: n for key, n in made.items() if n != 1} == {}
            partitions = Counter(asset for asset, _ in made)
            assert partitions.pop("corpus") == 1, "the ten read one text: whoever came first cut it for all"
            assert set(partitions.values()) == {N_MODELS}, partitions
            [backfill] = instance.get_backfills()
            assert backfill.status.value in {"COMPLETED", "COMPLETED_SUCCESS"}
    finally:
        ten.kill_all()
        daemon.wait()
