"""What others wrote is cut and sends no commands to a terminal."""

import pytest

from storage.visible_text import short_repr, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain ä 日本", "plain ä 日本"),
        ("\x1b[2J", r"\x1b[2J"),
        ("two\nlines", r"two\nlines"),
        ("\ud800", r"\ud800"),
        ("\u202egnp", r"\u202egnp"),
        ("x" * 99, "x" * 19 + "…"),
        ("\x1b" * 99, r"\x1b\x1b\x1b\x1b\x1" + "…"),
        ("", ""),
    ],
)
def test_a_text_is_one_line_of_printable_characters(text: str, shown: str):
    assert visible(text, 20) == shown


@pytest.mark.parametrize("value", ["x" * 10**6, 10**400, list(range(10**5)), {"a": "x" * 10**5}, [[[[[["x"] * 99]]]]]])
def test_a_value_is_spelled_in_some_words(value: object):
    assert len(short_repr(value)) < 200
    assert len(visible(short_repr(value), 500)) < 200


def test_a_short_value_is_spelled_as_python_does():
    assert [short_repr(value) for value in (1.5, "a'b", [1, "2"], None, "\ud800")] == [
        "1.5", '"a\'b"', "[1, '2']", "None", r"'\ud800'"
    ]  # fmt: skip
