"""The chain on a real Slurm of two nodes: what one process makes, whatever is lost on the way."""

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import pytest
import rank_with_small_shards
from slurm_cluster import SlurmCluster, slurm_cluster
from small_disk import small_disk
from small_house import small_house, store_of

from models.activations import harvest as harvesting
from pipelines.runs.in_process import RunResult, run_partition, write_tables
from pipelines.store.store import Store
from sql.warehouse import connect
from storage.manifest import Manifest
from tests.support.table_hashes import table_hashes

pytestmark = pytest.mark.slow
KEY, MACHINE = "first/small", "cluster"
OF_TRAINING = ("sae", "sae_training", "sae_metric")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory) -> Iterator[SlurmCluster]:
    with slurm_cluster(tmp_path_factory.mktemp("slurm") / "cluster") as found, pytest.MonkeyPatch.context() as patch:
        for name, value in found.environment.items():
            patch.setenv(name, value)
        yield found


@pytest.fixture(scope="module")
def house(tmp_path_factory) -> Iterator[Store]:
    """A house whose store is emptied for every test: paths are among the identities."""
    root = tmp_path_factory.mktemp("house")
    store = small_house(root)
    (root / "registry" / "machines").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(harvesting, "SHARD_TOKENS", rank_with_small_shards.SMALL)
        yield store


@pytest.fixture
def empty(house: Store, cluster: SlurmCluster) -> Store:
    cluster.wait_until_idle()
    shutil.rmtree(house.layout.root.path, ignore_errors=True)
    return house


def write_card(house: Store, seconds_a_unit: float = 0.0) -> None:
    """A machine of both nodes, whose interpreter makes small shards, slowly where a fault is to come."""
    registry = Path(house.registry_folder.path)
    python = registry.parent / "python"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} {rank_with_small_shards.__file__} "$@"\n')
    python.chmod(python.stat().st_mode | stat.S_IXUSR)
    support = str(Path(rank_with_small_shards.__file__).parent)
    environment = {
        "OMP_NUM_THREADS": "1",
        "PYTHON_EXEC": str(python),
        "PYTHONPATH": f"{Path.cwd()}:{support}",
        rank_with_small_shards.SECONDS: str(seconds_a_unit),
    }
    card = {"launcher": "slurm", "nodes": 2, "cpus": 2, "partition": "main", "time": "30", "python": str(python)}
    card |= {"rendezvous": "127.0.0.1", "environment": environment}
    (registry / "machines" / f"{MACHINE}.yaml").write_text(json.dumps(card))


class Watched:
    """A run in a thread of its own, while the test does harm."""

    def __init__(self, store: Store, job: str) -> None:
        self.results: list[RunResult] = []
        self.messages: list[str] = []

        def work() -> None:
            with dg.DagsterInstance.ephemeral() as instance:
                self.results.append(write_tables(store, KEY, instance, job, on=MACHINE))
                for run in instance.get_runs():
                    self.messages += [entry.user_message for entry in instance.all_logs(run.run_id)]

        self.thread = threading.Thread(target=work)
        self.thread.start()

    def until(self, met: Callable[[], object], seconds: float = 120) -> None:
        end = time.monotonic() + seconds
        while not met():
            assert self.thread.is_alive(), f"the run ended before: {self.results} {self.messages[-20:]}"
            assert time.monotonic() < end, "it did not come to that"
            time.sleep(0.1)

    def result(self, seconds: float = 400) -> RunResult:
        self.thread.join(seconds)
        assert not self.thread.is_alive(), "the run did not end"
        return self.results[0]


def records(store: Store) -> list[Path]:
    return list(Path(store.layout.root.path).glob("launches/activations-*/records/shard-*"))


def checkpoints(store: Store) -> list[Path]:
    return list(Path(store.layout.root.path).glob("saes/first/small/checkpoint/step-*"))


def hashes(store: Store) -> dict[str, str]:
    con = connect(store.published)
    try:
        return table_hashes(con)
    finally:
        con.close()


def harvested(store: Store) -> Manifest:
    return store.datasets.harvested(store.registration(KEY))


def shown(name: str, **figures: object) -> None:
    """A line for docs/log.md, in the output of `pytest -rP`."""
    print(f"{name}: {', '.join(f'{key} {value}' for key, value in figures.items())}")  # noqa: T201


@pytest.fixture(scope="module")
def harvested_alone(house: Store) -> Manifest:
    """The harvest of one process."""
    shutil.rmtree(house.layout.root.path, ignore_errors=True)
    with dg.DagsterInstance.ephemeral() as instance:
        ran = write_tables(house, KEY, instance, "harvest")
    assert (ran.success, ran.error) == (True, None)
    return harvested(house)


@pytest.fixture(scope="module")
def alone(house: Store) -> dict[str, tuple[dict[str, str], tuple[float, float, float]]]:
    """What this machine makes without a cluster, its training in one process and in two: hashes, and some metrics."""
    made = {}
    for processes in ("1", "2"):
        shutil.rmtree(house.layout.root.path, ignore_errors=True)
        with dg.DagsterInstance.ephemeral() as instance, pytest.MonkeyPatch.context() as patch:
            patch.setenv("GLASSHOUSE_TRAINING_PROCESSES", processes)
            began = time.monotonic()
            ran = run_partition(house, KEY, instance)
            assert (ran.success, ran.error) == (True, None)
        made[processes] = hashes(house), store_fvu(house)
        shown("alone", processes=processes, seconds=round(time.monotonic() - began))
    return made


def store_fvu(store: Store) -> tuple[float, float, float]:
    rows = store.tables.read_rows(store.layout.table("sae_metric", store.registration(KEY)))
    value = {row["metric"]: row["value"] for row in rows}
    return value["fvu"], value["l0"], value["dead_fraction"]


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


def test_a_node_killed_in_mid_harvest_costs_the_shard_in_flight(empty, harvested_alone, cluster):
    write_card(empty, seconds_a_unit=1.0)
    run = Watched(empty, "harvest")
    run.until(lambda: len(records(empty)) >= 3)
    cluster.kill("n2")
    kept = len(records(empty))
    result = run.result()
    assert (result.success, result.error) == (True, None)
    assert harvested(empty) == harvested_alone
    shown("node killed in mid-harvest", shards=len(harvested(empty).files), kept=kept)
    cluster.start("n2")


def test_a_node_killed_in_mid_training_costs_what_came_after_the_checkpoint(empty, cluster):
    write_card(empty, seconds_a_unit=1.5)
    registration = empty.registration(KEY)
    with dg.DagsterInstance.ephemeral() as instance:
        assert write_tables(empty, KEY, instance, "harvest").success
        with pytest.MonkeyPatch.context() as patch:  # whatever of ours a test finds in the environment is deleted
            patch.setenv("GLASSHOUSE_TRAINING_PROCESSES", "2")
            assert write_tables(empty, KEY, instance, "train").success
    by_two = Manifest.read(empty.layout.sae(registration))
    assert by_two is not None
    for folder in (empty.layout.sae(registration), *(empty.layout.table(name, registration) for name in OF_TRAINING)):
        folder.remove()
    run = Watched(empty, "train")
    run.until(lambda: len(checkpoints(empty)) and checkpoints(empty)[0].name > "step-000000010")
    cluster.kill("n2")
    at = checkpoints(empty)[0].name
    time.sleep(20)
    cluster.start("n2")
    result = run.result()
    assert (result.success, result.error) == (True, None), run.messages[-30:]
    made = Manifest.read(empty.layout.sae(registration))
    assert made is not None
    assert [(file.name, file.sha256) for file in made.files] == [(file.name, file.sha256) for file in by_two.files]
    assert made.facts == by_two.facts
    shown("node killed in mid-training", checkpoint=at)


def test_a_rank_that_is_stopped_for_a_minute_is_named_and_holds_up_nobody(empty, harvested_alone, cluster):
    write_card(empty, seconds_a_unit=2.0)
    run = Watched(empty, "harvest")
    run.until(lambda: len(records(empty)) >= 2)
    stopped = cluster.ranks("n2")
    assert stopped
    for process in stopped:
        os.kill(process, signal.SIGSTOP)
    began = time.monotonic()
    try:
        result = run.result()
    finally:
        for process in stopped:
            if Path(f"/proc/{process}").exists():
                os.kill(process, signal.SIGCONT)
    assert (result.success, result.error) == (True, None)
    assert harvested(empty) == harvested_alone
    named = [text for text in run.messages if "gave no sign of life" in text]
    assert named, run.messages[-30:]
    shown("rank stopped", seconds=round(time.monotonic() - began), said=named[0])


def test_of_half_the_shards_deleted_only_those_are_made_again(empty, harvested_alone, cluster):
    write_card(empty, seconds_a_unit=0.5)
    run = Watched(empty, "harvest")
    run.until(lambda: len(records(empty)) >= 8)
    folder = Path(empty.layout.root.path)
    shards = sorted(folder.glob("activations/first/*/shard-*"))
    gone = shards[::2]
    for path in gone:
        path.unlink()
    kept = {path: path.stat().st_mtime_ns for path in shards[1::2]}
    result = run.result()
    assert (result.success, result.error) == (True, None)
    assert harvested(empty) == harvested_alone
    assert {path: path.stat().st_mtime_ns for path in kept} == kept, "a shard that was there was made again"
    shown("half of the shards deleted", deleted=len(gone), kept=len(kept))


def test_a_controller_that_is_restarted_is_waited_for(empty, harvested_alone, cluster):
    write_card(empty, seconds_a_unit=1.0)
    run = Watched(empty, "harvest")
    run.until(lambda: len(records(empty)) >= 2)
    cluster.kill("controller")
    time.sleep(10)
    cluster.start("controller")
    result = run.result()
    assert (result.success, result.error) == (True, None)
    assert harvested(empty) == harvested_alone


@contextmanager
def full_disk(place: Path) -> Iterator[Path]:
    place.parent.mkdir(parents=True, exist_ok=True)
    with small_disk(place, "96k") as disk:
        yield disk


def test_a_full_disk_is_said_and_what_was_made_is_kept(empty, harvested_alone, cluster):
    write_card(empty)
    folder = Path(empty.layout.root.path) / "activations"
    with full_disk(folder):
        run = Watched(empty, "harvest")
        result = run.result()
        assert not result.success
        assert "No space left on device" in str(result.error), result.error
        assert "rank " in str(result.error)
        before = sorted(path.name for path in folder.rglob("shard-*"))
        assert before, "what fitted is kept"
        subprocess.run(["mount", "-o", "remount,size=64m", str(folder)], check=True)
        made = {path: path.stat().st_mtime_ns for path in folder.rglob("shard-*")}
        result = Watched(empty, "harvest").result()
        assert (result.success, result.error) == (True, None)
        assert harvested(empty) == harvested_alone
        assert {path: path.stat().st_mtime_ns for path in made} == made
        shown("disk full", kept=len(made), of=len(harvested(empty).files))


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
