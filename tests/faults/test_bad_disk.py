"""A disk that is full, breaks or is read-only: one sentence, and the next run goes on from there."""

import errno
import random
import re
import subprocess

import pytest
import warm_house
from small_disk import small_disk
from stopped_runs import BadDisk, StoppedRun, run_until
from whole_house import WholeHouse

REFUSALS = {errno.EIO: "Input/output error", errno.EACCES: "Permission denied", errno.EROFS: "Read-only file system"}

RECORD_OF_THE_LAST = "data/stage_records/published_warehouse"


def sentence(run: StoppedRun) -> str:
    """What a run that failed said in the end; its first line is the error that the terminal would show."""
    assert run.exit_code == 1, run.said[-3000:]
    *_, said = re.findall(r"^AssertionError: (.*)$", run.said, re.MULTILINE)
    return said


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.02, 0.2, 0.4, 0.6, 0.8, 0.9, 0.97])
def test_a_disk_that_fills_is_said_and_a_larger_one_is_enough(whole: WholeHouse, share: float):
    whole.clear()
    with small_disk(whole.root / "data", str(int(share * whole.n_bytes))) as place:
        said = sentence(run_until(whole.context, warm_house.make, whole.root))
        assert re.search(r"(could not be written|was not published) \(.*(No space left|os error 28)", said), said
        assert not list(place.rglob(".tmp-*"))
        subprocess.run(["mount", "-o", "remount,size=100m", str(place)], check=True)
        whole.finish(f"{share} of the room")


@pytest.mark.slow
@pytest.mark.parametrize("number", REFUSALS)
def test_a_disk_that_refuses_is_said_and_a_sound_one_goes_on(whole: WholeHouse, number: int):
    """At any change but those behind the publication: a run whose record alone could not be written has succeeded."""
    chance = random.Random(number)
    renames = [path if kind == "os.rename" else RECORD_OF_THE_LAST for kind, path in whole.run.changes]
    last = max(n for n, path in enumerate(renames, 1) if not path.startswith(RECORD_OF_THE_LAST))
    for change in sorted(chance.sample(range(2, last + 1), 6)):
        whole.clear()
        said = sentence(run_until(whole.context, warm_house.make, whole.root, BadDisk(number, change)))
        assert REFUSALS[number] in said, (whole.run.changes[change - 1], said)
        assert re.search("could not be written|was not published", said), (whole.run.changes[change - 1], said)
        whole.finish((REFUSALS[number], whole.run.changes[change - 1]))


@pytest.mark.slow
def test_a_store_on_a_read_only_disk_is_said(whole: WholeHouse):
    whole.clear()
    with small_disk(whole.root / "data", "100m") as place:
        subprocess.run(["mount", "-o", "remount,ro", str(place)], check=True)
        said = sentence(run_until(whole.context, warm_house.make, whole.root))
        assert "could not be written (Read-only file system)" in said
        subprocess.run(["mount", "-o", "remount,rw", str(place)], check=True)
        whole.finish("read-only")
