"""Dagster's records in Postgres, as deploy/dagster.yaml says: daemon, pools, and a backfill whose daemon is killed."""

import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import pytest
import yaml
from postgres_server import postgres_server
from small_house import RECIPE, small_house, write_model_card

from pipelines.store.store import Store
from storage.manifest import Manifest

ROOT = Path(__file__).resolve().parents[2]
DEPLOYED = ROOT / "deploy" / "dagster.yaml"
MODELS = [f"model-{number}" for number in range(10)]
DONE = dg.DagsterRunStatus.SUCCESS


def test_the_deployed_instance_is_the_plain_one_but_for_its_records_and_its_concurrent_runs():
    deployed, plain = (yaml.safe_load(path.read_text()) for path in (DEPLOYED, ROOT / "dagster.yaml"))
    assert deployed.pop("storage") == {"postgres": {"postgres_url": {"env": "DAGSTER_POSTGRES_URL"}}}
    assert deployed["concurrency"]["runs"].pop("max_concurrent_runs") > 1
    plain["concurrency"]["runs"].pop("max_concurrent_runs")
    assert deployed == plain


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    pytest.importorskip("dagster_postgres", reason="the extra postgres is not installed")
    with postgres_server() as address:
        yield address


@pytest.fixture
def home(postgres: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """DAGSTER_HOME with the deployed file; two runs at once, as this machine has two cores."""
    folder = tmp_path / "dagster"
    folder.mkdir()
    (folder / "dagster.yaml").write_text(
        DEPLOYED.read_text().replace("max_concurrent_runs: 4", "max_concurrent_runs: 2")
    )
    monkeypatch.setenv("DAGSTER_HOME", str(folder))
    monkeypatch.setenv("DAGSTER_POSTGRES_URL", f"postgresql+psycopg2://{postgres}")
    monkeypatch.setenv("DAGSTER_DISABLE_TELEMETRY", "1")
    return folder


@pytest.fixture(scope="module")
def house(tmp_path_factory) -> Store:
    """Ten tiny models with a little text each, of which nothing is made."""
    root = tmp_path_factory.mktemp("house")
    store = small_house(root, RECIPE)
    (root / "registry" / "models" / "first.yaml").unlink()
    for model in MODELS:
        write_model_card(root, model, "gpt2")
        card = root / "registry" / "models" / f"{model}.yaml"
        card.write_text(card.read_text().replace("20_000", "1_000"))
    return store


@pytest.mark.slow
def test_a_backfill_of_ten_models_whose_daemon_is_killed_is_completed_and_nothing_is_done_twice(home, house, tmp_path):
    keys = [f"{model}/small" for model in MODELS]
    environment = os.environ | {
        "GLASSHOUSE_HOME": str(house.home),
        "GLASSHOUSE_REGISTRY": str(house.registry),
        "GLASSHOUSE_WAREHOUSE": str(house.warehouse),
        "PYTHONPATH": str(ROOT),
    }

    def daemon() -> subprocess.Popen[bytes]:
        with (tmp_path / "daemon.log").open("ab") as log:
            command = [sys.executable, "-m", "dagster._daemon", "run", "-w", "workspace.yaml"]
            return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log, start_new_session=True)

    with dg.DagsterInstance.get() as instance:
        assert type(instance.event_log_storage).__name__ == "PostgresEventLogStorage"
        instance.add_dynamic_partitions("sae", keys)

        def runs(*statuses: dg.DagsterRunStatus) -> list[dg.DagsterRun]:
            wanted = dg.RunsFilter(job_name="harvest", statuses=list(statuses) or None)
            return list(instance.get_runs(wanted))

        def wait_for(met: Callable[[], bool], seconds: float) -> None:
            until = time.monotonic() + seconds
            while not met():
                assert time.monotonic() < until, (runs(), (tmp_path / "daemon.log").read_text()[-4000:])
                time.sleep(0.5)

        asked = ["job", "backfill", "-w", "workspace.yaml", "-j", "harvest", "--all", "sae", "--noprompt"]
        ran = subprocess.run(
            [sys.executable, "-m", "dagster", *asked],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
        began = time.monotonic()
        first = daemon()
        try:
            wait_for(lambda: len(runs(DONE)) >= 3, 420)
            os.kill(first.pid, signal.SIGKILL)
            first.wait()
            before = len(runs(DONE))
            second = daemon()
            try:
                wait_for(lambda: len(runs(DONE)) == len(keys), 600)
            finally:
                os.killpg(second.pid, signal.SIGTERM)
                second.wait(60)
        finally:
            for process in (first,):
                try:
                    os.killpg(process.pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
        assert before < len(keys), "the daemon was killed after all was done"
        made = [run.tags["dagster/partition"] for run in runs()]
        assert sorted(made) == sorted(keys), "one run a model"
        materialized = instance.fetch_materializations(dg.AssetKey("activations"), limit=100).records
        assert sorted(str(record.partition_key) for record in materialized) == sorted(keys)
        print(f"backfill: {time.monotonic() - began:.0f} s, {before} of 10 done when the daemon was killed")  # noqa: T201
        _assert_apart(instance, runs())
    for key in keys:
        site = house.datasets.site(house.registration(key))
        assert Manifest.read(house.layout.activations(key.split("/")[0], site)) is not None


def _assert_apart(instance: dg.DagsterInstance, runs: list[dg.DagsterRun]) -> None:
    """Steps in the pool `gpu` were never under way at the same time, though runs were."""
    spans, ran = [], []
    for run in runs:
        logs = instance.all_logs(run.run_id)
        at = {(entry.dagster_event.step_key, entry.dagster_event.event_type_value): entry.timestamp
              for entry in logs if entry.dagster_event}  # fmt: skip
        steps = ("context_frame", "activations")
        spans += [(at[step, "STEP_START"], at[step, "STEP_SUCCESS"]) for step in steps]
        ran.append((min(entry.timestamp for entry in logs), max(entry.timestamp for entry in logs)))
    assert any(a[0] < b[0] < a[1] for a in ran for b in ran), "no two runs were under way at once"
    spans.sort()
    assert all(earlier[1] <= later[0] for earlier, later in itertools.pairwise(spans)), spans


@pytest.mark.slow
def test_how_many_events_a_second_are_written_to_postgres_and_to_sqlite(home, tmp_path):
    rates = {}
    with dg.DagsterInstance.get() as postgres, dg.DagsterInstance.local_temp(str(tmp_path)) as sqlite:
        for name, instance in (("SQLite", sqlite), ("Postgres", postgres)):
            began, n = time.perf_counter(), 300
            for number in range(n):
                instance.report_runless_asset_event(dg.AssetMaterialization("rate", partition=str(number)))
            rates[name] = n / (time.perf_counter() - began)
            assert len(instance.get_materialized_partitions(dg.AssetKey("rate"))) == n
    print("events a second:", {name: round(rate) for name, rate in rates.items()})  # noqa: T201
    assert min(rates.values()) > 1
