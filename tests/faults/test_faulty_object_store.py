"""The whole chain on an object store with a bad day: it recovers or ends with one sentence, and leaves no litter."""

import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import cast

import dagster as dg
import pytest
import s3fs
import warm_house
from faulty_proxy import BAD_DAY, FaultyProxy, faulty_proxy
from stopped_runs import StoppedRun, run_until
from whole_house import WholeHouse

from sql.warehouse import connect
from storage import folder
from tests.support.table_hashes import table_hashes

KEY, SECRET = "AKIAFAULTSFAULTSFAUL", "s3cr3t/of+the/fault/harness"


@pytest.fixture(scope="module")
def s3_server() -> Iterator[tuple[str, int]]:
    """A server of S3 in a process of its own."""
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        for _ in range(600):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/moto-api/", timeout=1).close()
                break
            except OSError:
                time.sleep(0.1)
        yield "127.0.0.1", port
        server.terminate()


@dataclass
class RemoteHouse:
    """A house whose store is a bucket; its cards and its published file are local."""

    whole: WholeHouse
    server: tuple[str, int]
    bucket: str
    root: Path

    @property
    def direct(self) -> s3fs.S3FileSystem:
        """The store, past the proxy."""
        return s3fs.S3FileSystem(skip_instance_cache=True)

    @property
    def warehouse(self) -> Path:
        return self.root / "published" / "warehouse.duckdb"

    def run(self, proxy: FaultyProxy) -> StoppedRun:
        work = partial(make_remote, proxy.address, f"s3://{self.bucket}/home", self.warehouse, self.root)
        return run_until(self.whole.context, work, self.whole.root)

    def hashes(self) -> dict[str, str]:
        with closing(connect(self.warehouse)) as con:
            return table_hashes(con)

    def litter(self) -> list[str]:
        """What a run that has ended leaves where it should not: temporary files, unfinished uploads, and its keys."""
        own = [str(path) for path in (self.root / "tmp").iterdir() if path.suffix not in (".lock", ".use", ".making")]
        own += [upload["Key"] for upload in cast(list, self.direct.list_multipart_uploads(self.bucket))]
        for path in self.direct.find(self.bucket):
            body = cast(bytes, self.direct.cat_file(path))
            own += [path] if ".tmp-" in path or SECRET.encode() in body or KEY.encode() in body else []
        for path in self.root.rglob("*"):
            own += [str(path)] if path.is_file() and SECRET.encode() in path.read_bytes() else []
        return own


def _environment(address: str) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": address,
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": "us-east-1",
    }


def make_remote(address: str, home: str, warehouse: Path, aside: Path, root: Path) -> None:
    """Everything on S3, with records of Dagster that stay."""
    import tempfile

    from pipelines.store.store import Store

    os.environ.update(_environment(address))
    tempfile.tempdir = str(aside / "tmp")
    store = Store(home=home, registry=str(root / "registry"), warehouse=str(warehouse))
    (aside / "dagster").mkdir(exist_ok=True)
    with dg.DagsterInstance.local_temp(str(aside / "dagster")) as instance:
        warm_house.make_in(store, instance)


@pytest.fixture
def remote(
    whole: WholeHouse, s3_server: tuple[str, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[RemoteHouse]:
    for name, value in _environment("http://{}:{}".format(*s3_server)).items():
        monkeypatch.setenv(name, value)
    s3fs.S3FileSystem.clear_instance_cache()
    folder._opened_by_url.cache_clear()
    house = RemoteHouse(whole, s3_server, f"faults-{uuid.uuid4().hex[:12]}", tmp_path)
    (tmp_path / "tmp").mkdir()
    house.direct.mkdir(house.bucket)
    yield house
    s3fs.S3FileSystem.clear_instance_cache()
    folder._opened_by_url.cache_clear()


def tell(name: str, proxy: FaultyProxy, runs: int, seconds: float, end: str) -> None:
    faults = ", ".join(f"{n} {kind}" for kind, n in sorted(proxy.injected.items())) or "none"
    sys.stdout.write(f"\n| {name} | {proxy.n_requests:,} | {faults} | {runs} | {seconds:.0f} s | {end} |\n")


@pytest.mark.slow
@pytest.mark.parametrize("faults", [(), *((fault,) for fault in BAD_DAY), BAD_DAY], ids=lambda faults: "+".join(faults))
def test_a_bad_day_passes(remote: RemoteHouse, faults: tuple[str, ...]):
    """One answer in ten is a fault: a run recovers by itself, or says why in a sentence and is run again."""
    with faulty_proxy(FaultyProxy(remote.server, faults)) as proxy:
        began, runs, end = time.monotonic(), 0, "recovers"
        while True:
            runs += 1
            run = remote.run(proxy)
            if run.exit_code == 0:
                break
            *_, end = re.findall(r"^AssertionError: (.*)$", run.said, re.MULTILINE)
            assert "the object store cannot be used" in end, end
            assert runs < 5
    tell(" + ".join(faults) or "none", proxy, runs, time.monotonic() - began, end)
    assert remote.hashes() == remote.whole.hashes
    assert remote.litter() == []


@pytest.mark.slow
@pytest.mark.parametrize("first", [0, 60, 200])
@pytest.mark.parametrize("fault", ["wrong credentials", "expired credentials", "bucket gone"])
def test_what_does_not_pass_is_one_sentence(remote: RemoteHouse, fault: str, first: int):
    with faulty_proxy(FaultyProxy(remote.server, (fault,), share=1.0, first=first)) as proxy:
        began = time.monotonic()
        run = remote.run(proxy)
    assert run.exit_code == 1, run.said[-2000:]
    *_, end = re.findall(r"^AssertionError: (.*)$", run.said, re.MULTILINE)
    tell(f"{fault} after {first}", proxy, 1, time.monotonic() - began, end)
    assert (
        "the object store cannot be used" in end
        or "there is no bucket" in end
        or "nothing lies under that prefix" in end
    ), end
    assert SECRET not in run.said
    assert not remote.warehouse.exists()
    with faulty_proxy(FaultyProxy(remote.server)) as proxy:
        assert remote.run(proxy).exit_code == 0
    assert remote.hashes() == remote.whole.hashes
    assert remote.litter() == []
