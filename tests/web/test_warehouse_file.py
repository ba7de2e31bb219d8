"""Answers that an open file remembers: found once for all who ask, forgotten in turn, no error is kept, and what is no
longer asked is closed."""

import gc
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest

from web import warehouse_file as module
from web.query_files import Query
from web.warehouse_file import WarehouseSnapshot

QUERY = Query("double", "", "select 2 * $feature_id as twice", ("feature_id",))
fetch = module._Cursors.fetch


def watched(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The feature ids that are asked of the file and not of memory."""
    found, rows = list[int](), module._Cursors.rows

    def count(self: module._Cursors, query: Query, bound: tuple[tuple[str, int], ...]) -> list[SimpleNamespace]:
        found.append(bound[0][1])
        return rows(self, query, bound)

    monkeypatch.setattr(module._Cursors, "rows", count)
    return found


def test_all_who_ask_at_once_wait_for_one_answer(warehouse: Path, monkeypatch: pytest.MonkeyPatch):
    started, go, found = threading.Event(), threading.Event(), list[int]()

    def rows(*_: object) -> list[SimpleNamespace]:
        found.append(1)
        started.set()
        assert go.wait(10)
        return [SimpleNamespace(twice=14)]

    monkeypatch.setattr(module._Cursors, "rows", rows)
    snapshot = WarehouseSnapshot(warehouse)
    with ThreadPoolExecutor(8) as pool:
        first = pool.submit(snapshot.ask, QUERY, {"feature_id": 7})
        assert started.wait(10)
        others = [pool.submit(snapshot.ask, QUERY, {"feature_id": 7}) for _ in range(7)]
        go.set()
        assert [one.result(10)[0].twice for one in (first, *others)] == [14] * 8
    assert found == [1]


def test_what_was_not_asked_for_longest_is_forgotten_first(warehouse: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "FEATURE_ANSWERS", 2)
    found = watched(monkeypatch)
    snapshot = WarehouseSnapshot(warehouse)
    assert [snapshot.ask(QUERY, {"feature_id": n})[0].twice for n in (1, 2, 1, 3)] == [2, 4, 2, 6]
    assert found == [1, 2, 3]
    assert [snapshot.ask(QUERY, {"feature_id": n})[0].twice for n in (1, 2)] == [2, 4]
    assert found == [1, 2, 3, 2]


def test_an_error_is_not_kept(warehouse: Path, monkeypatch: pytest.MonkeyPatch):
    def fail(*_: object) -> list[SimpleNamespace]:
        raise ValueError("not now")

    with monkeypatch.context() as patch:
        patch.setattr(module._Cursors, "fetch", lambda *given: fail() if given[1] == QUERY.sql else fetch(*given))
        snapshot = WarehouseSnapshot(warehouse)
        with pytest.raises(ValueError, match="not now"):
            snapshot.ask(QUERY, {"feature_id": 1})
    assert snapshot.ask(QUERY, {"feature_id": 1})[0].twice == 2


def test_a_file_is_closed_with_its_last_reader(warehouse: Path):
    """At once, and not when memory is next tidied up: the place of a file that was replaced is free only then."""

    def times_open() -> int:
        links = (f"/proc/self/fd/{number}" for number in os.listdir("/proc/self/fd"))
        return sum(os.readlink(link) == str(warehouse) for link in links if os.path.islink(link))

    gc.collect()
    gc.disable()
    try:
        before = times_open()
        snapshot = WarehouseSnapshot(warehouse)
        snapshot.ask(QUERY, {"feature_id": 1})
        assert times_open() == before + 1
        del snapshot
        assert times_open() == before
    finally:
        gc.enable()
