"""Copies, which a test may damage, of the small house that was made once and published."""

import shutil
from pathlib import Path

import pytest
from small_house import store_of

from pipelines.store.store import Store


@pytest.fixture(scope="session")
def whole_house(made_house: Path) -> Store:
    """`first/small`, made whole and published: nobody writes to it."""
    return store_of(made_house)


@pytest.fixture
def house(whole_house: Store, tmp_path: Path) -> Store:
    """A copy of the store with the same registry."""
    shutil.copytree(whole_house.layout.root.path, tmp_path / "data")
    home = tmp_path / "data"
    return Store(home=str(home), registry=whole_house.registry, warehouse=str(home / "warehouse.duckdb"))
