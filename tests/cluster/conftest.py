"""A Slurm of two nodes, and what one machine makes without it."""

import shutil
import time
from collections.abc import Iterator

import dagster as dg
import pytest
import rank_with_small_shards
from cluster_runs import KEY, harvested, hashes, shown, store_fvu
from slurm_cluster import SlurmCluster, slurm_cluster
from small_house import small_house

from models.activations import harvest as harvesting
from pipelines.runs.in_process import run_partition, write_tables
from pipelines.store.store import Store
from storage.manifest import Manifest


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
