"""What every test stands on: one torch thread, no keys, no network, a store of its own."""

import gc
import multiprocessing.util
import os
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import hypothesis
import pytest

gc.disable()  # until all tests are collected: what is imported stays

OWN = {
    "HF_HUB_OFFLINE": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "DAGSTER_DISABLE_TELEMETRY": "1",
    "MPLBACKEND": "Agg",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}
OF_A_USER = (
    *("ANTHROPIC_", "AWS_", "DAGSTER_", "GLASSHOUSE_", "HF_", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "GIT_"),
    *("FORCE_COLOR", "NO_COLOR", "CLICOLOR", "COLUMNS", "LINES", "PYTHONWARNINGS", "PYTHONOPTIMIZE"),
    "PYTHONDONTWRITEBYTECODE",  # else every process compiles the house and its tests anew
)
IN_MEMORY = "/dev/shm"
FOR_TESTS = ("GLASSHOUSE_PEER_", "GLASSHOUSE_SCREENSHOTS")
"""Which tests read."""


def variables_of_a_user() -> list[str]:
    """Keys, stores, proxies and habits of whoever starts the tests, here or in a process that a test starts."""
    mine = (name for name in os.environ if name.upper().startswith(OF_A_USER) and not name.startswith(FOR_TESTS))
    return [name for name in mine if name not in OWN]


for variable in variables_of_a_user():
    del os.environ[variable]
os.environ.update(OWN)

hypothesis.settings.register_profile("same_cases_everywhere", derandomize=True, database=None, deadline=None)
hypothesis.settings.load_profile("same_cases_everywhere")


def pytest_configure(config: pytest.Config) -> None:
    """What the default tests write lies in memory where there is room: a tenth of their clock was a disk that gives a
    new file its place the slower the more were removed just now. Slow tests fill gigabytes, and stay on the disk."""
    if "TMPDIR" not in os.environ and "not slow" in str(config.getoption("markexpr")) and has_room(IN_MEMORY):
        os.environ["PYTEST_DEBUG_TEMPROOT"] = IN_MEMORY


def has_room(folder: str) -> bool:
    """Whether a folder in memory has four times the room that the tests take, and the machine as much to work in."""
    memory = Path("/proc/meminfo")
    if not memory.exists() or not os.access(folder, os.W_OK):
        return False
    available = next(int(line.split()[1]) << 10 for line in memory.read_text().splitlines() if "MemAvailable" in line)
    there = os.statvfs(folder)
    if there.f_flag & os.ST_NOEXEC:  # some tests write programs, and start them
        return False
    return min(there.f_bavail * there.f_frsize, available // 2) >= 3 << 30


def pytest_collection_finish() -> None:
    """What is there before the first test stays to the end: the collector need not go through it again and again."""
    gc.collect()
    gc.freeze()
    gc.enable()


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    """Threads of several tests on two cores would wait for each other, and sums would depend on their number."""
    import torch

    torch.set_num_threads(1)


@pytest.fixture(autouse=True, scope="session")
def _temporary_files_of_the_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Locks and temporary files, of this process and of those that tests start, go with pytest's own folder."""
    multiprocessing.util.get_temp_dir()  # not below: it is removed after pytest has removed its own, with a traceback
    own = str(tmp_path_factory.mktemp("temporary", numbered=False))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", own)
        patch.setattr(tempfile, "tempdir", own)
        yield


@pytest.fixture(autouse=True, scope="session")
def _no_waiting_for_the_disk() -> Iterator[None]:
    """What a test writes need not outlive the machine, and a busy disk takes a tenth of a second to promise it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: None)
        yield


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What an earlier test has set is gone."""
    for name in variables_of_a_user():
        monkeypatch.delenv(name)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty store, and the environment that names it and a published file beside it."""
    store = tmp_path / "data"
    store.mkdir()
    monkeypatch.setenv("GLASSHOUSE_HOME", str(store))
    monkeypatch.setenv("GLASSHOUSE_WAREHOUSE", str(store / "warehouse.duckdb"))
    return store


@contextmanager
def _made_once(tmp_path_factory: pytest.TempPathFactory, name: str) -> Iterator[tuple[Path, bool]]:
    """A folder that processes which share the tests find at one place, and whether the caller is to fill it."""
    from filelock import FileLock

    base = tmp_path_factory.getbasetemp()
    root = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / name
    with FileLock(f"{root}.lock"):
        made = root / "made"
        yield root, not made.exists()
        made.touch()


@pytest.fixture(scope="session")
def made_house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small house whose dictionary `first/small` is made and published: to be read, or copied."""
    from small_house import made_small_house

    with _made_once(tmp_path_factory, "made_house") as (root, is_mine):
        if is_mine:
            made_small_house(root)
    return root


@pytest.fixture(scope="session")
def demo_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store of `make demo`, made anew, whatever the checkout's own holds: minutes, for slow tests only; to be
    read."""
    with _made_once(tmp_path_factory, "demo") as (root, is_mine):
        if is_mine:
            _make_demo(root)
    return root / "data"


def _make_demo(root: Path) -> None:
    for name in ("registry/models/pystdlib.yaml", "registry/recipes/mid-topk.yaml"):
        shipped = subprocess.run(["git", "show", f":{name}"], capture_output=True, check=True).stdout
        (root / name).parent.mkdir(parents=True)
        (root / name).write_bytes(shipped)
    own = {
        "GLASSHOUSE_HOME": "data",
        "GLASSHOUSE_REGISTRY": "registry",
        "GLASSHOUSE_WAREHOUSE": "data/warehouse.duckdb",
    }
    places = {name: str(root / place) for name, place in own.items()} | {"DAGSTER_HOME": str(root / "dagster")}
    command = [sys.executable, "-c", "from pipelines.cli.main import main; main()", "run", "--model", "pystdlib"]
    ran = subprocess.run(command, env=os.environ | places, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout[-3000:] + ran.stderr[-3000:]


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
