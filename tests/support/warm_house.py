"""A house with one dictionary and one experiment, made by whoever forks a process that imported this module.

The import makes such a house once, aside: its forks have everything loaded, and a run costs what it does.
"""

import os
import shutil
import tempfile
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import dagster as dg
import yaml
from small_house import small_house, store_of

from models.activations import harvest
from pipelines.runs.in_process import publish, write_experiment_tables, write_tables
from pipelines.store.store import Store

PROMPTS = [{"prompt": f"total_{n} = item_{n % 3} +", "answer": " item"} for n in range(24)]
SHARD_TOKENS = 4_096
"""Four shards instead of one."""


def house(root: Path) -> Store:
    """Its cards, model and text; nothing is made yet."""
    store = small_house(root)
    for kind, name, card in (
        ("prompt_sets", "some", {"prompts": PROMPTS}),
        ("experiments", "asked", {"method": "logit_lens", "prompt_set": "some"}),
    ):
        (root / "registry" / kind).mkdir()
        (root / "registry" / kind / f"{name}.yaml").write_text(yaml.safe_dump(card))
    return store


def make(root: Path) -> None:
    """Everything that its cards ask for, then its publication; raises where anything fails."""
    with dg.DagsterInstance.ephemeral() as instance:
        make_in(store_of(root), instance)


def make_in(store: Store, instance: dg.DagsterInstance) -> None:
    """The same in a store that may lie elsewhere, written down by an instance of Dagster."""
    for work in (
        partial(write_tables, store, "first/small"),
        partial(write_experiment_tables, store, "first/asked"),
        partial(publish, store),
    ):
        run = work(instance)
        assert run.success, run.error


def _warm() -> None:
    """Threads are counted by OMP_NUM_THREADS: a number that torch was told, it tells each thread of a fork anew, and
    sometimes finds no pool there (`Invalid thread pool!`)."""
    harvest.SHARD_TOKENS = SHARD_TOKENS
    shutil.disk_usage = lambda place: SimpleNamespace(free=2**40)  # type: ignore[assignment]  # a small disk is to fill
    os.fsync = lambda descriptor: None  # a killed process loses nothing that it wrote, a machine without power might
    with tempfile.TemporaryDirectory() as aside:
        root = Path(aside) / "house"
        house(root)
        make(root)


if os.environ.get("GLASSHOUSE_WARM"):  # in the server of forks alone
    _warm()
