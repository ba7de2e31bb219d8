"""A small store to publish from, and where the published file goes."""

import shutil
from pathlib import Path

import pytest
from synthetic_store import SyntheticStore

from sql.publish import publish

REGISTRY = {
    "registry_entry": [("demo", "mid", "4" * 64)],
    "registry_experiment": [("demo", "asked", "7" * 64)],
    "stage_run": [("sae", "demo", "mid", None, "succeeded", "run", "2026-01-02", 1.0, *[None] * 8)],
    "feature_list": [("words", "Words", "What fires on words.", "anna")],
    "feature_list_entry": [
        ("words", 0, "demo", "mid", 3, "the first", None, None),
        ("words", 1, "demo", "mid", 0, None, "scam", "proposed"),
    ],
}


@pytest.fixture(scope="session")
def _written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("store")
    store = SyntheticStore(str(home))
    store.write_model("demo")
    store.write_sae("demo", "mid")
    return home


@pytest.fixture(scope="session")
def _published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("published")
    store = SyntheticStore(str(home))
    store.write_model("demo")
    store.write_sae("demo", "mid")
    store.write_sae("demo", "late", seed=3, labels=False, codes=False)
    store.write_images("demo", "mid")
    store.write_experiment("demo", "asked")
    publish(home / "warehouse.duckdb", store.stored, registry=REGISTRY)
    return home / "warehouse.duckdb"


@pytest.fixture
def store(_written: Path, home: Path) -> SyntheticStore:
    """One model, one dictionary (demo/mid), everything said of it."""
    shutil.copytree(_written / "tables", home / "tables")
    return SyntheticStore(str(home))


@pytest.fixture(scope="session")
def _written_file(_written: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    published = tmp_path_factory.mktemp("written") / "warehouse.duckdb"
    publish(published, SyntheticStore(str(_written)).stored)
    return published


@pytest.fixture
def published_before(_written_file: Path, home: Path) -> Path:
    """Where a test publishes to, and what was published there from `store` before."""
    return Path(shutil.copy(_written_file, home / "warehouse.duckdb"))


@pytest.fixture
def published(home: Path) -> Path:
    """Where a test publishes to."""
    return home / "warehouse.duckdb"


@pytest.fixture(scope="session")
def warehouse(_published: Path) -> Path:
    """A published file to read: demo/mid with labels and codes, demo/late with neither."""
    return _published
