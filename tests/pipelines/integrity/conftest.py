"""A small house that was made once and published, and copies of it that a test may damage."""

import shutil
from pathlib import Path

import dagster as dg
import pytest
from small_house import small_house

from pipelines.runs.in_process import run_partition
from pipelines.store.store import Store


@pytest.fixture(scope="session")
def whole_house(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """`first/small`, made whole and published: nobody writes to it."""
    store = small_house(tmp_path_factory.mktemp("whole"))
    with dg.DagsterInstance.ephemeral() as instance:
        ran = run_partition(store, "first/small", instance)
    assert ran.success, ran
    return store


@pytest.fixture
def house(whole_house: Store, tmp_path: Path) -> Store:
    """A copy of the store with the same registry."""
    shutil.copytree(whole_house.layout.root.path, tmp_path / "data")
    home = tmp_path / "data"
    return Store(home=str(home), registry=whole_house.registry, warehouse=str(home / "warehouse.duckdb"))
