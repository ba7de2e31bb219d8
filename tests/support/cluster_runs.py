"""Runs on the nodes of a cluster, watched while a test does harm, and what they leave."""

import json
import stat
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import rank_with_small_shards

from pipelines.runs.in_process import RunResult, write_tables
from pipelines.store.store import Store
from sql.warehouse import connect
from storage.manifest import Manifest
from tests.support.table_hashes import table_hashes

KEY, MACHINE = "first/small", "cluster"
OF_TRAINING = ("sae", "sae_training", "sae_metric")


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


def store_fvu(store: Store) -> tuple[float, float, float]:
    rows = store.tables.read_rows(store.layout.table("sae_metric", store.registration(KEY)))
    value = {row["metric"]: row["value"] for row in rows}
    return value["fvu"], value["l0"], value["dead_fraction"]
