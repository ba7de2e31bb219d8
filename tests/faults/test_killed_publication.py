"""A publisher killed before any change of the disk leaves the old file or the new one, and the next one ends it."""

import shutil
import signal
from collections.abc import Iterator
from contextlib import closing
from multiprocessing.context import ForkServerContext
from pathlib import Path

import published_store
import pytest
from stopped_runs import BadDisk, Stop, forks_of, run_until
from synthetic_codes import N_FEATURES

from pipelines.integrity.published_findings import published_findings
from sql.publish import abandoned_build
from sql.warehouse import connect
from tests.support.table_hashes import table_hashes

LIGHT = "published_store"


@pytest.fixture(scope="module")
def light() -> Iterator[ForkServerContext]:
    with forks_of(LIGHT) as context:
        yield context


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A published store in which a dictionary was made anew since."""
    root = tmp_path_factory.mktemp("published") / "store"
    root.mkdir()
    published_store.write_first(root)
    published_store.write_again(root, "mid", 3)
    return root


def hashes(root: Path) -> dict[str, str]:
    with closing(connect(published_store.warehouse(root))) as con:
        return table_hashes(con)


@pytest.fixture(scope="module")
def changes(light, before: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[tuple[str, str], ...]:
    root = tmp_path_factory.mktemp("whole") / "store"
    shutil.copytree(before, root)
    run = run_until(light, published_store.publish_all, root)
    assert run.exit_code == 0, run.said
    return run.changes


def killed(light, before: Path, root: Path, change: int) -> None:
    """One kill: whoever reads finds one of the two publications; the next publisher leaves the new one alone."""
    shutil.copytree(before, root)
    old = hashes(root)
    run = run_until(light, published_store.publish_all, root, Stop(change=change))
    assert run.exit_code == -signal.SIGKILL
    published_store.look(root)
    at_once = hashes(root)
    assert [f for f in published_findings(published_store.warehouse(root), []) if "sha256" in f.what] == []
    published_store.publish_all(root)
    assert at_once in (old, hashes(root))
    assert abandoned_build(published_store.warehouse(root)) is None
    assert not [path for path in root.iterdir() if path.name.startswith(".tmp-") or path.suffix == ".wal"]
    shutil.rmtree(root)


def test_a_kill_around_the_switch_leaves_one_of_the_two(light, before, changes, tmp_path: Path):
    switch = 1 + changes.index(("os.rename", "warehouse.duckdb"))
    for change in (switch, switch + 1):
        killed(light, before, tmp_path / "store", change)


@pytest.mark.slow
def test_a_kill_before_any_change_leaves_one_of_the_two(light, before, changes, tmp_path: Path):
    for change in range(1, len(changes) + 1):
        killed(light, before, tmp_path / "store", change)


@pytest.mark.slow
@pytest.mark.parametrize("number", [5, 13, 28, 30])
def test_a_disk_that_refuses_any_change_leaves_the_old_file(light, before, changes, tmp_path: Path, number: int):
    """Input/output error, not permitted, full, read-only."""
    switch = 1 + changes.index(("os.rename", "warehouse.duckdb"))
    for change in range(1, switch + 1):
        root = tmp_path / f"store-{change}"
        shutil.copytree(before, root)
        old = hashes(root)
        run = run_until(light, published_store.publish_all, root, BadDisk(number, change))
        assert run.exit_code == 1, changes[change - 1]
        assert "was not published" in run.said.splitlines()[-1], (changes[change - 1], run.said[-2000:])
        assert hashes(root) == old


def test_readers_keep_the_old_schema_while_another_is_published(before: Path, tmp_path: Path):
    """A file of an older schema is built anew; who has it open reads on, the next one finds the new columns."""
    import duckdb

    root = tmp_path / "store"
    shutil.copytree(before, root)
    with closing(duckdb.connect(published_store.warehouse(root))) as con:
        con.execute("drop view feature_card; alter table sae_metric rename column unit to measured_in")
        con.execute("update _publication set schema_sha256 = 'of an older version'")
    with closing(connect(published_store.warehouse(root))) as early:
        assert early.execute("select count(measured_in) > 0 from sae_metric").fetchall() == [(True,)]
        published_store.publish_all(root)
        assert early.execute("select count(measured_in) > 0 from sae_metric").fetchall() == [(True,)]
    with closing(connect(published_store.warehouse(root))) as late:
        assert late.execute("select count(unit) > 0 from sae_metric").fetchall() == [(True,)]
        assert late.execute("select count(*) from feature_card").fetchall() == [(2 * N_FEATURES,)]
