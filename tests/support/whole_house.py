"""A house that nobody stopped, to which those are compared that were: every house lies at the same path, one after the
other, for paths are among the identities."""

import shutil
from contextlib import closing
from dataclasses import dataclass
from multiprocessing.context import ForkServerContext
from pathlib import Path

import warm_house
from small_house import store_of
from stopped_runs import StoppedRun, run_until

from pipelines.integrity.collection import collect
from sql.warehouse import connect
from tests.support.table_hashes import table_hashes


def hashes(root: Path) -> dict[str, str]:
    with closing(connect(store_of(root).published)) as con:
        return table_hashes(con)


def files(root: Path) -> frozenset[str]:
    """Every file of the store, hidden ones too."""
    data = root / "data"
    return frozenset(str(path.relative_to(data)) for path in data.rglob("*") if path.is_file())


def n_bytes(root: Path) -> int:
    """Of every file of the store."""
    return sum((root / "data" / file).stat().st_size for file in files(root))


@dataclass(frozen=True, slots=True)
class WholeHouse:
    """What a run that nobody stopped leaves."""

    context: ForkServerContext
    root: Path
    hashes: dict[str, str]
    files: frozenset[str]
    n_bytes: int
    run: StoppedRun

    @classmethod
    def made(cls, context: ForkServerContext, root: Path) -> "WholeHouse":
        warm_house.house(root)
        run = run_until(context, warm_house.make, root)
        assert run.exit_code == 0, run.said[-3000:]
        return cls(context, root, hashes(root), files(root), n_bytes(root), run)

    def clear(self) -> None:
        """As if nothing had been made yet."""
        if (self.root / "data").exists():
            shutil.rmtree(self.root / "data")

    def finish(self, told: object) -> StoppedRun:
        """Runs again what something stopped, collects what is left over, and compares.

        Args:
            told: What stopped it, for the message.
        """
        again = run_until(self.context, warm_house.make, self.root)
        assert again.exit_code == 0, f"{told}: {again.said[-3000:]}"
        assert hashes(self.root) == self.hashes, told
        collect(store_of(self.root), older_than=0)
        assert hashes(self.root) == self.hashes, f"{told}, after gc"
        assert files(self.root) == self.files, told
        return again
