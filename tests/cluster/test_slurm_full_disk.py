"""A disk that fills on a node of a real Slurm."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cluster_runs import Watched, harvested, shown, write_card
from small_disk import small_disk

pytestmark = pytest.mark.slow


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
