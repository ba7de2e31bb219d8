"""Targets are what a reader would say of the tokens."""

import numpy as np
import pytest

from models.probes.token_targets import first_letters, token_targets

TEXTS = ["x", " =", " 12", ' "', "say", " no", '"', "\n", "URL", "()", "  ", " Say", "_"]


def named(tokens: list[str], contexts: list[int] | None = None) -> dict[str, list[bool]]:
    token_T = np.array([TEXTS.index(token) for token in tokens])
    targets = token_targets(TEXTS, token_T, np.array(contexts or [0] * len(tokens)))
    return dict(zip(targets.names, targets.is_so_TC.T.tolist(), strict=True))


@pytest.mark.parametrize(
    ("kind", "are"),
    [
        ("digit", {" 12"}),
        ("space", {" =", " 12", ' "', " no", "  ", " Say"}),
        ("upper", {"URL"}),
        ("punctuation", {" =", ' "', '"', "()", "_"}),
    ],
)
def test_kinds_of_tokens(kind, are):
    assert {text for text, so in zip(TEXTS, named(TEXTS)[kind], strict=True) if so} == are


def test_quotes_open_and_close_end_with_the_line_and_never_cross_contexts():
    tokens = ["x", ' "', "say", '"', "x", '"', "say", "\n", "x", '"', "x"]
    quoted = named(tokens, [0] * 10 + [1])["quoted"]
    assert [i for i, inside in enumerate(quoted) if inside] == [2, 3, 6, 7]


def test_the_next_token_is_of_the_same_context():
    targets = named(["x", "say", "x", "say", "x", "say"], [0, 0, 0, 1, 1, 1])
    assert targets["next 'say'"] == [True, False, False, False, True, False]
    assert targets["next 'x'"] == [False, True, False, True, False, False]


def test_only_the_most_frequent_are_asked_for():
    tokens = [text for n, text in enumerate(["x", "say", "URL", "()", " =", "_", "\n"], start=1) for _ in range(n)]
    asked = {name for name in named(tokens, list(range(len(tokens)))) if name.startswith("next")}
    assert asked == set(), "nothing follows in contexts of one token"
    asked = {name for name in named(tokens) if name.startswith("next")}
    assert asked == {f"next {text!r}" for text in ["URL", "()", " =", "_", "\n"]}


def test_first_letters_are_those_of_words():
    texts = ["self", " Apple", "x", "a1", "__init__", "été", " of", "##ing", "Zoo", "  no"]
    assert first_letters(texts).tolist() == [18, 0, -1, -1, -1, -1, 14, -1, 25, -1]
    letters = {name for name in named(["say", " Say", " no"]) if name.startswith("letter")}
    assert letters == {"letter s", "letter n"}
