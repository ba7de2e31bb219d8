"""A label says its rule exactly: writing and reading undo each other, for any rule and tokens."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.autointerp.lexical.rule_language import (
    FAMILIES,
    PLACES,
    SHAPES,
    Rule,
    Term,
    format_rule,
    parse_label,
    printable,
)

TOKENS = [
    "self",
    ".",
    "\n        ",
    "`",
    "\\",
    "\\n",
    "{8 spaces}",
    "a or b",
    "` or `",
    "é",
    "\x00",
    "\u2028",
    " ",
    "\t",
    "𝛼",
    "}",
    ", ",
]
WORDS = ["error", "or", "words", "near", "après"]


ANY_TOKEN = st.sampled_from(TOKENS) | st.text(min_size=1)
POOLS = {
    "shape": st.sampled_from(SHAPES),
    "previous shape": st.sampled_from(SHAPES),
    "place": st.sampled_from(PLACES),
    "word": st.sampled_from(WORDS),
    "near": st.sampled_from(WORDS),
}


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    """Any rule: at most one family says which tokens, any number of the others says where."""
    what = draw(st.sampled_from([("token",), ("word",), ("shape",), ()]))
    where = [family for family in FAMILIES[3:] if draw(st.booleans())]
    values = {f: draw(st.lists(POOLS.get(f, ANY_TOKEN), min_size=1, max_size=3, unique=True)) for f in (*what, *where)}
    return Rule(tuple(Term(family, tuple(values[family])) for family in values))


@pytest.mark.slow
@settings(max_examples=300)
@given(rules())
def test_reading_undoes_writing_of_many_rules(rule: Rule):
    assert_reading_undoes_writing(rule)


@settings(max_examples=60)
@given(rules())
def test_reading_undoes_writing(rule: Rule):
    assert_reading_undoes_writing(rule)


def assert_reading_undoes_writing(rule: Rule) -> None:
    for clear in (True, False):
        label = format_rule(rule, clear=clear)
        assert parse_label(label) == rule, label
        assert label.isprintable(), repr(label)


@pytest.mark.parametrize(
    ("rule", "label"),
    [
        (Rule((Term("token", ("import",)), Term("head", ("from",)))), "`import` on lines starting with `from`"),
        (Rule((Term("word", ("error", "raise")), Term("place", ("in prose",)))), "words: error, raise in prose"),
        (Rule((Term("before", ("self",)), Term("previous", (".",)))), "tokens after `self` then `.`"),
        (Rule((Term("token", ("\n    ", "\n")),)), "`\\n{4 spaces}` or `\\n`"),
        (Rule((Term("shape", ("numbers",)), Term("near", ("port",)))), "numbers near word: port"),
    ],
)
def test_labels_read_as_a_person_would_say_them(rule: Rule, label: str):
    assert format_rule(rule) == label


def test_whole_words_beside_a_rule_are_for_people_only():
    rule = Rule((Term("token", ("er",)), Term("previous", ("(",))))
    label = format_rule(rule, seen_in=("hierarchy", "permission"))
    assert label == "`er` after `(` as in hierarchy, permission"
    assert parse_label(label) == rule


def test_every_token_is_shown_on_one_line_and_spaces_are_counted():
    assert printable("\n            x") == "\\n{12 spaces}x"
    assert printable(" ") == " "
    assert printable("a`b\\n") == "a\\x60b\\\\n"


@pytest.mark.parametrize(
    ("label", "rule"),
    [
        ("Names of exceptions being raised", Rule((Term("word", ("exceptions", "raised")),))),
        ("the token `self` in methods", Rule((Term("token", ("self",)),))),
        ("is it?", Rule(())),
        ("", Rule(())),
    ],
)
def test_a_label_that_no_rule_wrote_is_its_quoted_tokens_or_its_content_words(label: str, rule: Rule):
    assert parse_label(label) == rule
