"""Dagster's records in Postgres, as deploy/dagster.yaml says."""

import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
import yaml
from postgres_server import postgres_server

ROOT = Path(__file__).resolve().parents[2]
DEPLOYED = ROOT / "deploy" / "dagster.yaml"


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
