"""The next item is made while this one is used, and nothing of it is lost."""

import threading
from contextlib import closing

import pytest

from models.numerics.look_ahead import look_ahead


def test_the_next_item_is_made_while_this_one_is_used():
    made = [threading.Event() for _ in range(3)]

    def items():
        for number, event in enumerate(made):
            event.set()
            yield number

    with closing(look_ahead(items())) as ahead:
        assert next(ahead) == 0
        assert made[1].wait(10), "nobody made it"
        assert not made[2].is_set(), "one ahead, not all"
        assert list(ahead) == [1, 2]


def test_items_that_are_false_do_not_end_it():
    assert list(look_ahead(iter([None, 0, "", [], 1]))) == [None, 0, "", [], 1]
    assert list(look_ahead(iter(()))) == []


def test_an_error_comes_after_the_items_before_it_and_leaves_no_thread():
    def items():
        yield 1
        raise ValueError("the disk")

    ahead = look_ahead(items())
    assert next(ahead) == 1
    with pytest.raises(ValueError, match="the disk"):
        next(ahead)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("look-ahead")]


def test_closing_early_ends_the_thread_and_what_it_reads():
    closed = threading.Event()

    def items():
        try:
            yield from range(100)
        finally:
            closed.set()

    source = items()
    with closing(look_ahead(source)) as ahead:
        next(ahead)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("look-ahead")]
    source.close()
    assert closed.is_set()
