"""What a person reads of a value: closed forms for text, numbers and shades."""

import math
from types import SimpleNamespace

import pytest

from web.formatting import number, percent, visible_text, visible_token, window
from web.urls import feature_url


@pytest.mark.parametrize(
    ("token", "read"),
    [
        (" the", "·the"),
        ("\n\n", "⏎⏎"),
        ("\ta b", "⇥a·b"),
        ("\0", "␀"),
        ("\x1b[0m", "\\x1b[0m"),
        ("\u202eabc", "\\u202eabc"),
        ("a\u200bb", "a\\u200bb"),
        ("\xa0", "\\xa0"),
        ("\ufeff", "\\ufeff"),
        ("naïve 漢字 😀", "naïve·漢字·😀"),
        ("", "◌"),
        ("y" * 200, "y" * 200),
        ("y" * 201, "y" * 200 + "… (201 characters)"),
    ],
)
def test_invisible_characters_of_a_token_are_made_visible(token, read):
    assert visible_token(token) == read


def test_a_label_keeps_its_spaces():
    assert visible_text("to be\u202e or") == "to be\\u202e or"


def test_a_text_is_cut_where_asked():
    assert visible_text("because", 4) == "beca… (7 characters)"
    assert visible_text("because", 7) == "because"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1234567, '<data value="1234567">1,234,567</data>'),
        (1 / 3, f'<data value="{1 / 3!r}">0.3333</data>'),
        (1e-9, '<data value="1e-09">1e-09</data>'),
        (0.0, '<data value="0.0">0</data>'),
        (None, '<span class="none">–</span>'),
        (math.nan, '<span class="none">–</span>'),
        (math.inf, '<span class="none">–</span>'),
    ],
)
def test_a_number_is_rounded_and_kept_whole(value, text):
    assert number(value) == text


def test_a_share_reads_as_a_percentage():
    assert percent(0.0625) == '<data value="0.0625">6.25 %</data>'


def test_an_address_is_one_whatever_an_id_holds():
    assert feature_url("a/b", 'c"?#', 3) == "/sae/a%2Fb/c%22%3F%23/3"


def example(n: int, peak: int, **activations: float) -> SimpleNamespace:
    """n tokens a, of which those named t3, t7 … fire."""
    fires = {int(name[1:]): value for name, value in activations.items()}
    return SimpleNamespace(tokens=["a"] * n, activations=[fires.get(at, 0.0) for at in range(n)], peak=peak)


def test_shades_are_tenths_of_the_strongest():
    shown = window(example(6, 5, t0=0.01, t1=0.1, t2=0.11, t3=0.5, t4=0.99, t5=1.0), 1.0)
    assert [piece.split('"')[0] for piece in shown.split('class="t ')[1:]] == [
        "a1", "a1", "a2", "a5", "a10", "a10 peak",
    ]  # fmt: skip


def test_silent_tokens_are_one_piece_and_far_ones_are_marked():
    shown = window(example(20, 10, t10=2.0), 4.0)
    peak, near = '<span class="t a5 peak" title="2">a</span>', "<span>aaaaaaaa</span>"
    assert shown == f'<span class="far">aa</span>{near}{peak}{near}<span class="far">a</span>'


def test_a_control_has_no_shade():
    assert window(example(3, 1), 0.0) == "<span>aaa</span>"
