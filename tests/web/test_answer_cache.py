"""Answers kept by the pages: found once for all who ask, forgotten in turn, and no error is kept."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from web.answer_cache import AnswerCache


def test_all_who_ask_at_once_wait_for_one_finder():
    answers, started, go = AnswerCache[int](10), threading.Event(), threading.Event()
    found: list[int] = []

    def find() -> int:
        found.append(1)
        started.set()
        assert go.wait(10)
        return 7

    with ThreadPoolExecutor(8) as pool:
        first = pool.submit(answers.get, "q", find)
        assert started.wait(10)
        others = [pool.submit(answers.get, "q", find) for _ in range(7)]
        go.set()
        assert [one.result(10) for one in (first, *others)] == [7] * 8
    assert found == [1]


def test_what_was_not_asked_for_longest_is_forgotten_first():
    answers, found = AnswerCache[str](2), []

    def get(question: str) -> str:
        return answers.get(question, lambda: found.append(question) or question.upper())

    assert [get(question) for question in "abac"] == ["A", "B", "A", "C"]
    assert found == ["a", "b", "c"]
    assert get("a") == "A"
    assert get("b") == "B"
    assert found == ["a", "b", "c", "b"]


def test_an_error_is_not_kept():
    answers = AnswerCache[int](2)

    def fail() -> int:
        raise ValueError("not now")

    with pytest.raises(ValueError, match="not now"):
        answers.get("q", fail)
    assert answers.get("q", lambda: 3) == 3
