"""What every test stands on: one torch thread, no keys, no network, a store of its own."""

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

os.environ.update(HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false", DAGSTER_DISABLE_TELEMETRY="1", MPLBACKEND="Agg")

hypothesis.settings.register_profile("same_cases_everywhere", derandomize=True, database=None, deadline=None)
hypothesis.settings.load_profile("same_cases_everywhere")


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    """Threads of several tests on two cores would wait for each other, and sums would depend on their number."""
    import torch

    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a developer's key nor a developer's store is ever touched by a test."""
    for name in list(os.environ):
        if name.startswith(("ANTHROPIC_", "AWS_", "GLASSHOUSE_", "DAGSTER_HOME")):
            monkeypatch.delenv(name)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty store, and the environment that names it and a published file beside it."""
    store = tmp_path / "data"
    store.mkdir()
    monkeypatch.setenv("GLASSHOUSE_HOME", str(store))
    monkeypatch.setenv("GLASSHOUSE_WAREHOUSE", str(store / "warehouse.duckdb"))
    return store


@pytest.fixture(scope="session")
def _s3_address() -> Iterator[str]:
    """A server on this machine that speaks S3, started for the first test that asks for one."""
    from moto.moto_server.threaded_moto_server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    yield "http://{}:{}".format(*server.get_host_and_port())
    server.stop()


@pytest.fixture
def s3(_s3_address: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A fresh bucket, as `s3://bucket`, reached with nothing but the environment that any S3 client reads."""
    import s3fs

    monkeypatch.setenv("AWS_ENDPOINT_URL", _s3_address)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    bucket = f"s3://test-{uuid.uuid4().hex[:12]}"
    s3fs.S3FileSystem().mkdir(bucket)
    return bucket
