"""Labels of Python's structure agree with what a reader sees in a small program."""

import pytest

from models.corpora.python_structure import InvalidPython, PythonStructure
from models.corpora.sources.stdlib_functions import LONGEST, SHORTEST, stdlib_functions

PROGRAM = """\
def f(a, b=(1, 2)):
    s = "x(y" + g(a)  # (
    if s:
        return [s, t]
"""


def at(task, text: str):
    start = PROGRAM.index(text)
    return PythonStructure.of(PROGRAM).labels[task][start : start + len(text)]


def test_brackets_are_counted_behind_each_character_and_not_inside_strings_or_comments():
    assert at("bracket_depth", "def f(a, b=(1") == ["0"] * 5 + ["1"] * 6 + ["2"] * 2
    assert at("bracket_depth", "2)):") == ["2", "1", "0", "0"]
    assert at("bracket_depth", '"x(y"') == ["0"] * 5
    assert at("bracket_depth", "# (") == ["0"] * 3
    deep = PythonStructure.of("x = [[[[0]]]]\n").labels["bracket_depth"]
    assert deep[8] == "3+"


def test_text_is_code_string_or_comment():
    assert at("text_kind", '= "x(y" +') == ["code"] * 2 + ["string"] * 5 + ["code"] * 2
    assert at("text_kind", "# (") == ["comment"] * 3


def test_lines_stand_in_blocks():
    assert set(at("indentation", "def f(a, b=(1, 2)):\n")) == {"0"}
    assert set(at("indentation", "    if s:\n")) == {"1"}
    assert set(at("indentation", "        return [s, t]\n")) == {"2"}


def test_a_name_is_bound_where_the_text_bound_it_further_up():
    assert at("name_bound", "g(a)") == ["free", None, "bound", None]
    assert at("name_bound", "[s, t]") == [None, "bound", None, None, "free", None]
    assert at("name_bound", "s =") == [None] * 3, "a name that is written is not asked about"
    umlaut = 'größe = 1\nprint("ä", größe)\n'
    labels = PythonStructure.of(umlaut).labels["name_bound"]
    assert labels[umlaut.index("größe", 5) + 4] == "bound", "the parser counts bytes"
    assert labels[umlaut.index("print") + 4] == "free"


def test_an_f_string_is_a_string():
    kinds = PythonStructure.of('a = f"b{c}d" + e\n').labels["text_kind"]
    assert [kinds[place] for place in (4, 5, 7, 11, 13)] == ["string"] * 4 + ["code"]


def test_what_is_no_program_is_refused():
    with pytest.raises(InvalidPython, match="is no Python program"):
        PythonStructure.of("def f(:\n")


@pytest.mark.slow
def test_functions_of_the_standard_library_are_programs_of_several_files():
    rows = list(stdlib_functions())
    assert len({row["group"] for row in rows}) > 10
    assert all(SHORTEST <= len(row["prompt"]) <= LONGEST + 1 for row in rows)
    for row in rows[:20]:
        PythonStructure.of(row["prompt"])
