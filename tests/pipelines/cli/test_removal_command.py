"""`glasshouse remove` shows what goes and asks; `glasshouse publish` takes no absent store for an empty one."""

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import dagster as dg
import pytest
from command_line import one_instance
from synthetic_codes import N_FEATURES
from synthetic_store import SyntheticStore
from typer.testing import CliRunner

from pipelines.cli.main import app as commands
from pipelines.store import removal
from pipelines.store.store import Store
from sql.publish import publish
from sql.warehouse import connect
from storage.folder import AbsentFolder


@pytest.fixture(scope="module")
def _published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with demo/mid and demo/late, the file published from it and a registry that asks for nothing."""
    root = tmp_path_factory.mktemp("published")
    synthetic = SyntheticStore(str(root / "home"))
    synthetic.write_model("demo")
    for recipe in ("mid", "late"):
        synthetic.write_sae("demo", recipe)
    publish(root / "warehouse.duckdb", synthetic.stored)
    (root / "registry" / "models").mkdir(parents=True)
    return root


@pytest.fixture
def house(_published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The home, in a place where it may be changed."""
    root = tmp_path / "root"
    shutil.copytree(_published, root)
    monkeypatch.setenv("GLASSHOUSE_HOME", str(root / "home"))
    monkeypatch.setenv("GLASSHOUSE_REGISTRY", str(root / "registry"))
    monkeypatch.setenv("GLASSHOUSE_WAREHOUSE", str(root / "warehouse.duckdb"))
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "dagster"))
    with one_instance():
        yield root / "home"


def run(*arguments: str, typed: str = "") -> tuple[int, str]:
    result = CliRunner().invoke(commands, list(arguments), input=typed, env={"COLUMNS": "300"}, catch_exceptions=False)
    return result.exit_code, result.output


def recipes() -> list[tuple[str, int]]:
    with closing(connect(Store().published)) as con:
        return con.execute("select recipe_id, count(*) from feature group by all order by all").fetchall()


def test_it_shows_what_goes_asks_and_removes(house: Path):
    with dg.DagsterInstance.get() as instance:
        instance.add_dynamic_partitions("sae", ["demo/mid", "demo/late"])
    code, said = run("remove", "demo/late", typed="n\n")
    assert code == 1
    assert "table feature" in said
    assert "Remove this from" in said
    assert recipes() == [("late", N_FEATURES), ("mid", N_FEATURES)]
    code, said = run("remove", "demo/late", typed="y\n")
    assert (code, recipes()) == (0, [("mid", N_FEATURES)]), said
    with dg.DagsterInstance.get() as instance:
        assert instance.get_dynamic_partitions("sae") == ["demo/mid"]
    assert run("remove", "demo/mid", "--yes")[0] == 0
    assert recipes() == []


def test_a_removal_that_cannot_be_published_says_so_and_can_be_said_again(house: Path, monkeypatch: pytest.MonkeyPatch):
    with dg.DagsterInstance.get() as instance:
        instance.add_dynamic_partitions("sae", ["demo/mid", "demo/late"])

    def full(*_: object, **__: object) -> None:
        raise OSError("no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(removal, "publish_store", full)
        with pytest.raises(ValueError, match=r"demo/late: removed from the store, .*no space.*`glasshouse publish`"):
            run("remove", "demo/late", "--yes")
    with dg.DagsterInstance.get() as instance:
        assert instance.get_dynamic_partitions("sae") == ["demo/mid"]
    assert recipes() == [("late", N_FEATURES), ("mid", N_FEATURES)]
    assert run("remove", "demo/late", "--yes")[0] == 0
    assert recipes() == [("mid", N_FEATURES)]


def test_a_partition_that_dagster_alone_lists_can_be_removed(house: Path):
    with dg.DagsterInstance.get() as instance:
        instance.add_dynamic_partitions("sae", ["demo/mid", "demo/none"])
    assert run("remove", "demo/none", "--yes")[0] == 0
    with dg.DagsterInstance.get() as instance:
        assert instance.get_dynamic_partitions("sae") == ["demo/mid"]


@pytest.mark.slow
def test_a_store_that_is_not_there_is_refused_and_one_that_lost_most_unless_that_is_said(
    house: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("GLASSHOUSE_HOME", str(house.with_name("mistyped")))
    code, said = run("publish", "--allow-drop")
    assert code == 1
    assert "mistyped/tables is not there (no such folder): nothing is published" in said
    monkeypatch.setenv("GLASSHOUSE_HOME", str(house))
    for table in (house / "tables").iterdir():
        if table.name not in ("model", "corpus", "sae"):
            shutil.rmtree(table)
    code, said = run("publish")
    assert code == 1
    assert "published partitions are not in" in said
    assert recipes() == [("late", N_FEATURES), ("mid", N_FEATURES)]
    assert run("publish", "--allow-drop")[0] == 0
    assert recipes() == []


def test_no_command_takes_an_absent_registry_for_an_empty_one(house: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("GLASSHOUSE_REGISTRY", str(house.with_name("none")))
    assert "the registry" in run("publish")[1]
    for arguments in (("run",), ("label",), ("remove", "demo/mid", "--yes")):
        with pytest.raises(AbsentFolder, match="set GLASSHOUSE_REGISTRY"):
            run(*arguments)
    assert recipes() == [("late", N_FEATURES), ("mid", N_FEATURES)]
    assert run("search", "str")[0] == 0, "by text needs the published file alone"
