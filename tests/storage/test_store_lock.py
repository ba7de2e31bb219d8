"""Locks leave no file behind, and whoever waited for a file that went is held to the next."""

import os
import tempfile
import time
from pathlib import Path
from threading import Event, Thread

import pytest

from storage.process_lock import LockTimeout, process_lock
from storage.store_lock import StoreInUse, lock_place, shared_use, sole_use


def lock_files() -> list[Path]:
    return list(Path(tempfile.gettempdir()).glob("glasshouse-*"))


@pytest.fixture(autouse=True)
def _own_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def test_nothing_stays_in_the_temporary_folder():
    with shared_use("s3://bucket/store"):
        with shared_use("s3://bucket/store"):
            assert len(lock_files()) == 1
        assert len(lock_files()) == 1
        with process_lock("s3://bucket/store", 0.0):
            assert len(lock_files()) == 2
    assert lock_files() == []
    with sole_use("s3://bucket/store"):
        pass
    assert lock_files() == []


def waiting(work) -> tuple[Thread, Event, Event]:
    """A thread that enters some work, says so, and stays there until it is told to go."""
    inside, go = Event(), Event()

    def enter() -> None:
        with work:
            inside.set()
            go.wait(30)

    thread = Thread(target=enter)
    thread.start()
    return thread, inside, go


def test_who_waited_for_the_one_who_deletes_keeps_the_next_one_out():
    with sole_use("s3://bucket/store"):
        thread, inside, go = waiting(shared_use("s3://bucket/store"))
        time.sleep(0.1)  # it stands at the file that is removed now
    assert inside.wait(30)
    with pytest.raises(StoreInUse), sole_use("s3://bucket/store"):
        pass
    go.set()
    thread.join(30)
    assert lock_files() == []


def test_who_waited_for_a_maker_keeps_the_next_one_out():
    with process_lock("s3://bucket/a", 0.0):
        thread, inside, go = waiting(process_lock("s3://bucket/a", 30.0))
        time.sleep(0.1)
    assert inside.wait(30)
    with pytest.raises(LockTimeout), process_lock("s3://bucket/a", 0.0):
        pass
    go.set()
    thread.join(30)
    assert lock_files() == []


def test_a_process_forked_meanwhile_takes_nothing_away():
    with shared_use("s3://bucket/store"), process_lock("s3://bucket/store", 0.0):
        child = os.fork()
        if child:
            os.waitpid(child, 0)
            assert len(lock_files()) == 2
            with pytest.raises(StoreInUse), sole_use("s3://bucket/store"):
                pass
    if not child:
        os._exit(0)
    assert lock_files() == []
    assert lock_place("s3://bucket/store", "use").parent == Path(tempfile.gettempdir())
