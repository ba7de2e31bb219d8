"""A dataset is made by one at a time, and nobody waits for one who waits for him."""

from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import pytest

from storage import dataset_lock
from storage.dataset_lock import sole_maker
from storage.folder import Folder
from storage.process_lock import LockTimeout, process_lock


def test_who_comes_second_waits_until_the_first_has_made_it(tmp_path: Path):
    folder, began, order = Folder(str(tmp_path)), Event(), []

    def second():
        began.set()
        with sole_maker(folder):
            order.append("second")

    thread = Thread(target=second)
    with sole_maker(folder):
        thread.start()
        began.wait()
        thread.join(0.2)
        order.append("first")
    thread.join(30)
    assert order == ["first", "second"]


def test_one_who_waits_too_long_is_told_for_whom(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(dataset_lock, "PATIENCE_SECONDS", 0.0)
    busy = pytest.raises(LockTimeout, match=r"process \d+ has been at work on s3://bucket/a/some for more than 0 s")
    with sole_maker(Folder("s3://bucket/a") / "some"):
        with busy, sole_maker(Folder(str(tmp_path)), Folder("s3://bucket/a") / "some"):
            pass
        with sole_maker(Folder(str(tmp_path)), Folder("s3://bucket/a") / "other"):
            pass


def test_a_ledger_that_lies_there_is_another_matter(tmp_path: Path):
    with sole_maker(Folder(str(tmp_path))), process_lock(str(tmp_path), 0.0):
        pass


def test_several_are_taken_in_one_order_and_each_once(tmp_path: Path, monkeypatch):
    taken = []

    @contextmanager
    def noted(url, patience, purpose):
        taken.append(url)
        yield

    monkeypatch.setattr(dataset_lock, "process_lock", noted)
    a, b = Folder(str(tmp_path / "a")), Folder(str(tmp_path / "b"))
    for asked in ((a, b), (b, a), (b, a, b)):
        with sole_maker(*asked):
            pass
    assert taken[:2] == taken[2:4] == taken[4:]
    assert sorted(taken[:2]) == [a.url, b.url]
