"""A disk that is full, breaks, is read-only or another's, and memory that is at its end: one sentence, and the next run
goes on from there."""

import errno
import os
import random
import re
import resource
import subprocess
from pathlib import Path

import pytest
import warm_house
from small_disk import small_disk
from stopped_runs import BadDisk, StoppedRun, run_until
from whole_house import WholeHouse

REFUSALS = {errno.EIO: "Input/output error", errno.EACCES: "Permission denied", errno.EROFS: "Read-only file system"}
NOBODY = 65534


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
    chance = random.Random(number)
    for change in sorted(chance.sample(range(2, len(whole.run.changes)), 6)):
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


def as_nobody(root: Path) -> None:
    os.setgid(NOBODY)
    os.setuid(NOBODY)
    warm_house.make(root)


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="wants to be another user for once (not root)")
def test_a_store_of_somebody_else_is_said(whole: WholeHouse):
    whole.clear()
    (whole.root / "data").mkdir(mode=0o755)
    for folder in (whole.root, *whole.root.parents[:2]):
        folder.chmod(0o755)
    said = sentence(run_until(whole.context, as_nobody, whole.root))
    assert "could not be written (Permission denied)" in said
    whole.finish("another user")


def in_little_memory(root: Path) -> None:
    """A quarter of a gigabyte more than the process has: training and tables do not fit."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    room = pages * resource.getpagesize() + 2**26
    resource.setrlimit(resource.RLIMIT_AS, (room, room))
    warm_house.make(root)


@pytest.mark.slow
def test_a_run_that_finds_no_memory_fails_and_the_next_goes_on(whole: WholeHouse):
    """It may end by an exception, or by an abort of a library: what is whole stays so."""
    whole.clear()
    failed = run_until(whole.context, in_little_memory, whole.root)
    assert failed.exit_code != 0
    whole.finish("little memory")
