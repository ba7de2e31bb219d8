"""A chain killed at any moment and run again leaves what an uninterrupted one leaves."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from small_house import small_house

from sql.warehouse import connect
from storage.folder import LEFT_BEHIND
from tests.support.table_hashes import table_hashes

RUN = "from pipelines.cli.main import main; import sys; sys.argv = ['glasshouse', 'run']; main()"
KILLS = 10


def start(store, root: Path) -> subprocess.Popen[bytes]:
    environment = os.environ | {
        "GLASSHOUSE_HOME": store.home,
        "GLASSHOUSE_REGISTRY": store.registry,
        "GLASSHOUSE_WAREHOUSE": store.warehouse,
        "DAGSTER_HOME": str(root / "dagster"),
        "OMP_NUM_THREADS": "1",
    }
    with (root / "log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-c", RUN], env=environment, stdout=log, stderr=log, start_new_session=True
        )


def hashes(store) -> dict[str, str]:
    con = connect(store.published)
    try:
        return table_hashes(con)
    finally:
        con.close()


@pytest.mark.slow
def test_a_chain_killed_ten_times_leaves_what_an_uninterrupted_one_leaves(tmp_path):
    """Both houses lie at the same path, one after the other: paths are among the identities."""
    root = tmp_path / "house"
    store = small_house(root)
    began = time.monotonic()
    assert start(store, root).wait() == 0, (root / "log").read_text()[-2000:]
    seconds, whole = time.monotonic() - began, hashes(store)
    for made in ("data", "dagster"):
        (root / made).rename(tmp_path / f"whole-{made}")

    chance, killed = random.Random(0), 0
    for _ in range(KILLS):
        run = start(store, root)
        try:
            run.wait(timeout=chance.uniform(0.2, 0.9) * seconds)
        except subprocess.TimeoutExpired:
            os.killpg(run.pid, signal.SIGKILL)
            run.wait()
            killed += 1
    for left in Path(store.layout.root.path).rglob(".tmp-*"):
        os.utime(left, (0, time.time() - 2 * LEFT_BEHIND))  # as if the last run had come hours later
    assert start(store, root).wait() == 0, (root / "log").read_text()[-2000:]
    assert hashes(store) == whole
    assert killed >= KILLS // 2, f"only {killed} of {KILLS} runs were killed before they ended by themselves"
    leftovers = [
        p for p in Path(store.layout.root.path).rglob("*") if p.name.startswith(".tmp-") or p.name.endswith(".building")
    ]
    assert leftovers == []
