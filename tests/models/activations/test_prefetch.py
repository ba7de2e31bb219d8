"""Reading ahead changes neither order nor bytes, ends when nobody listens, and hides no error."""

import itertools
import threading
import time
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from models.activations.prefetch import read_ahead

CPU = torch.device("cpu")


class Counted:
    """Numbered batches, and how many of them were asked for; after `until` comes an error."""

    def __init__(self, n: int, until: int | None = None) -> None:
        self.n, self.until, self.read = n, until, 0

    def __iter__(self) -> Iterator[Tensor]:
        for number in range(self.n):
            if number == self.until:
                raise OSError("the disk is gone")
            self.read += 1
            yield torch.full((3, 2), float(number))


def threads() -> int:
    """Those that read ahead: other tests leave threads that end when they like."""
    return sum(thread.name == "read-ahead" for thread in threading.enumerate())


def awaited(counted: Counted, n: int) -> None:
    """Until so many were read."""
    until = time.monotonic() + 10
    while counted.read < n and time.monotonic() < until:
        time.sleep(0.001)


@pytest.mark.parametrize("ahead", [1, 2, 50])
def test_order_and_bytes_are_those_of_the_source(ahead: int) -> None:
    before = threads()
    batches = [torch.randn(n % 5, 4, dtype=torch.float64) for n in range(20)]
    found = list(read_ahead(iter(batches), CPU, ahead))
    assert len(found) == 20
    assert all(torch.equal(a, b) for a, b in zip(found, batches, strict=True))
    assert threads() == before


def test_nothing_is_read_before_the_first_is_asked_for() -> None:
    counted, before = Counted(9), threads()
    read_ahead(iter(counted), CPU).close()
    assert counted.read == 0
    assert threads() == before


@pytest.mark.parametrize("ahead", [1, 3])
def test_no_more_is_read_than_was_said(ahead: int) -> None:
    counted = Counted(30)
    given = read_ahead(iter(counted), CPU, ahead)
    for number in range(1, 6):
        next(given)
        awaited(counted, number + ahead)
        time.sleep(0.01)  # in which one more would be read
        assert counted.read == number + ahead
    given.close()


def test_the_thread_ends_with_its_consumer() -> None:
    before = threads()
    given = read_ahead((torch.full((1,), float(n)) for n in itertools.count()), CPU)
    next(given)
    assert threads() == before + 1
    given.close()
    assert threads() == before


def test_an_error_comes_after_the_batches_before_it() -> None:
    before, given = threads(), read_ahead(iter(Counted(9, until=4)), CPU)
    assert [float(next(given)[0, 0]) for _ in range(4)] == [0, 1, 2, 3]
    with pytest.raises(OSError, match="the disk is gone"):
        next(given)
    assert threads() == before


@pytest.mark.gpu
def test_batches_arrive_whole_on_a_gpu() -> None:
    """Each is overwritten on the GPU as soon as it was summed: memory must not be given away under a copy."""
    batches = [torch.full((2**20, 4), float(n)) for n in range(40)]
    sums = []
    for rows_TD in read_ahead(iter(batches), torch.device("cuda")):
        assert rows_TD.is_cuda
        sums.append(rows_TD.double().sum())
        rows_TD.fill_(torch.nan)
    assert [float(s) for s in sums] == [n * 2.0**22 for n in range(40)]
