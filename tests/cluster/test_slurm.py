"""The chain on a real Slurm of two nodes: what one machine makes, by whoever publishes it."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pytest
import rank_with_small_shards
from cluster_runs import KEY, MACHINE, hashes, records, shown, write_card
from small_house import store_of

from pipelines.runs.in_process import run_partition

pytestmark = pytest.mark.slow


def test_two_nodes_make_the_tables_of_one_machine(empty, alone, cluster):
    write_card(empty)
    began = time.monotonic()
    with dg.DagsterInstance.ephemeral() as instance:
        ran = run_partition(empty, KEY, instance, on=MACHINE)
    assert (ran.success, ran.error) == (True, None)
    shown("two nodes", seconds=round(time.monotonic() - began))
    assert hashes(empty) == alone["2"][0]
    assert not (empty.layout.root / "launches").files_below()
    # Processes divide a batch: sums of gradients are in another order than those of one.
    one, two = alone["1"][1], alone["2"][1]
    shown("trained by one and by two", one=one, two=two)
    assert two == pytest.approx(one, rel=1e-4)


def test_two_publishers_on_two_nodes_follow_each_other(empty, cluster, tmp_path):
    with dg.DagsterInstance.ephemeral() as instance:
        assert run_partition(empty, KEY, instance).success
    whole = hashes(empty)
    root = Path(empty.layout.root.path).parent
    script = tmp_path / "publish.sh"
    script.write_text(
        f"#!/bin/bash\n#SBATCH --array=0-1\n#SBATCH --cpus-per-task=2\n#SBATCH --output={tmp_path}/out-%a\n"
        f"export GLASSHOUSE_HOME={empty.home} GLASSHOUSE_REGISTRY={empty.registry} "
        f"GLASSHOUSE_WAREHOUSE={empty.warehouse} DAGSTER_HOME={root}/dagster-$SLURM_ARRAY_TASK_ID\n"
        f"export PYTHONPATH={Path.cwd()} HF_HUB_OFFLINE=1\n"
        f"mkdir -p $DAGSTER_HOME\ncd {Path.cwd()}\n"
        f"{sys.executable} -c 'from pipelines.cli.main import main; import sys; "
        'sys.argv = ["glasshouse", "publish"]; main()\'\necho code $?\n'
    )
    job = cluster.ask("sbatch", "--parsable", str(script))
    assert job
    until = time.monotonic() + 180
    while cluster.ask("squeue", "-h", "-j", job):
        assert time.monotonic() < until
        time.sleep(0.5)
    said = [(tmp_path / f"out-{rank}").read_text() for rank in range(2)]
    assert all("code 0" in text for text in said), said
    assert hashes(empty) == whole


def test_a_run_that_is_killed_is_taken_up_by_the_next_and_one_that_is_cancelled_ends_its_job(empty, cluster):
    write_card(empty, seconds_a_unit=2.0)
    root = Path(empty.layout.root.path).parent
    environment = os.environ | {
        "GLASSHOUSE_HOME": str(empty.home),
        "GLASSHOUSE_REGISTRY": str(empty.registry),
        "GLASSHOUSE_WAREHOUSE": str(empty.warehouse),
        "DAGSTER_HOME": str(root / "dagster"),
        "PYTHONPATH": f"{Path.cwd()}:{Path(rank_with_small_shards.__file__).parent}",
    }
    code = (
        "import rank_with_small_shards as small; from models.activations import harvest; harvest.SHARD_TOKENS = "
        "small.SMALL; from pipelines.cli.main import main; import sys; sys.argv = ['glasshouse', 'run', '--on', "
        f"'{MACHINE}']; main()"
    )

    def started() -> subprocess.Popen[bytes]:
        with (root / "run.log").open("ab") as log:
            return subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=log, stderr=log)

    def jobs() -> list[str]:
        return sorted(set(cluster.ask("squeue", "-h", "-o", "%F").split()))

    def wait_for(met: Callable[[], object]) -> None:
        until = time.monotonic() + 120
        while not met():
            assert time.monotonic() < until, (root / "run.log").read_text()[-2000:]
            time.sleep(0.1)

    killed = started()
    wait_for(lambda: len(records(empty)) >= 1)
    killed.kill()
    killed.wait()
    before = jobs()
    assert len(before) == 1, "the job outlives who waited for it"
    n_before = len(records(empty))
    cancelled = started()
    wait_for(lambda: len(records(empty)) > n_before + 1)
    assert jobs() == before, "the second run waits for the first one's job"
    cancelled.terminate()
    cancelled.wait(60)
    wait_for(lambda: not jobs())
    assert store_of(root).layout.root.exists("launches")
