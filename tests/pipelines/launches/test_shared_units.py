"""Units are done once each, by whoever is there, and none is lost."""

from pathlib import Path

from pipelines.launches import rank_beats
from pipelines.launches.rank_beats import SILENT, beating, forget, silences
from pipelines.launches.shared_units import do_share
from storage.folder import Folder


class Units:
    def __init__(self, n: int) -> None:
        self.n_units, self.done = n, []

    def is_done(self, unit: int) -> bool:
        return unit in self.done

    def do(self, unit: int, report) -> None:
        report(1, 2)
        self.done.append(unit)


def test_each_process_does_its_own_while_the_others_live():
    work = Units(10)
    alive = dict.fromkeys(range(3), 1.0)
    assert [do_share(work, rank, 3, lambda: alive) for rank in range(3)] == [[0, 3, 6, 9], [1, 4, 7], [2, 5, 8]]


def test_units_of_the_silent_and_of_those_that_have_not_begun_are_done_by_others():
    for silence in (None, SILENT + 1):
        work = Units(11)
        do_share(work, 1, 3, lambda silence=silence: {0: silence, 1: 0.0, 2: silence})
        assert sorted(work.done) == list(range(11))


def test_a_process_that_comes_back_is_left_its_units():
    work, asked = Units(12), []

    def heard():
        asked.append(1)
        return {0: 0.0, 1: SILENT + 1 if len(asked) <= 2 else 0.0}

    do_share(work, 0, 2, heard)
    assert len([unit for unit in work.done if unit % 2]) == 2


def test_nobody_ends_while_it_is_not_clear_whether_another_is_lost():
    """A process stopped shortly before the others end: its units would be nobody's."""
    work, ages, waited = Units(6), iter([15.0, 30.0, SILENT + 1, SILENT + 2, SILENT + 3, SILENT + 4]), []
    do_share(work, 0, 2, lambda: {0: 0.0, 1: next(ages)}, wait=lambda: waited.append(1))
    assert len(waited) == 2
    assert sorted(work.done) == list(range(6))


def test_progress_is_told_within_a_unit():
    told = []
    do_share(Units(2), 0, 1, dict, lambda unit, part: told.append((unit, part)))
    assert told == [(0, 0.5), (0, 1.0), (1, 0.5), (1, 1.0)]


def test_signs_of_life_are_there_while_the_block_lasts(tmp_path: Path, monkeypatch):
    folder = Folder(str(tmp_path))
    with beating(folder, 1, every=0.01):
        while silences(folder, 3)[1] is None:
            pass
        ages = silences(folder, 3)
        assert ages[0] is None
        assert ages[1] is not None
        assert ages[1] < rank_beats.SILENT
    assert silences(folder, 3) == {0: None, 1: None, 2: None}
    folder.write_bytes("alive-2", b"")
    forget(folder)
    assert folder.names() == []
