"""What a person reads of a value: closed forms for text, numbers, shades and plots."""

import math
import re
from types import SimpleNamespace

import pytest

from web import svg_plots
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


def test_an_axis_maps_its_ends_and_its_middle():
    line = svg_plots.Axis.over([0, 10], 100, 200)
    assert [line(value) for value in (0, 5, 10)] == [100, 150, 200]
    decades = svg_plots.Axis.over([0.01, 1], 0, 100, log=True)
    assert [decades(value) for value in (0.01, 0.1, 1)] == [0, 50, 100]
    assert decades.ticks(3) == pytest.approx([0.01, 0.1, 1])


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.00123, "0.00123"), (0, "0"), (950, "950"), (9500, "9.5k"), (12345, "12.3k"), (4e6, "4M"), (-2.5e9, "-2.5G")],
)
def test_ticks_are_short(value, text):
    assert svg_plots.short(value) == text


@pytest.mark.parametrize("values", [[], [0.0], [3.0], [5, 5, 5]])
@pytest.mark.parametrize("log", [False, True])
def test_an_axis_over_one_value_or_none_still_has_two_ends(values, log):
    axis = svg_plots.Axis.over(values, 0, 100, log=log)
    assert axis.low < axis.high
    assert axis(axis.low) == 0
    assert axis(axis.high) == 100


def test_bars_grow_with_the_logarithm_and_none_is_outside():
    drawn = svg_plots.histogram([svg_plots.Bar(0, 1, 0), svg_plots.Bar(1, 2, 9), svg_plots.Bar(2, 3, 99)], "said", "x")
    heights = [float(part.split('"')[0]) for part in drawn.split(' height="')[1:]]
    assert heights[0] == 0
    assert heights[2] == pytest.approx(2 * heights[1], abs=0.02)  # log1p(99) = 2 log1p(9)
    assert heights[2] == svg_plots.HEIGHT - svg_plots.BOTTOM - svg_plots.TOP


def test_stacks_are_of_one_height_and_cut_by_share():
    drawn = svg_plots.stacked_bars(
        [svg_plots.Stack("a", (1, 0, 0, 3)), svg_plots.Stack("b", (0, 0, 0, 0))], "said", "x"
    )
    bars = [dict(re.findall(r'(\w+)="([^"]*)"', bar)) for bar in re.findall("<rect ([^>]*)>", drawn)]
    room = svg_plots.HEIGHT - svg_plots.BOTTOM - svg_plots.TOP
    assert [bar["class"] for bar in bars] == ["bar r3", "bar r0"], "the best stand at the bottom; b has none"
    assert [float(bar["height"]) for bar in bars] == [0.75 * room, 0.25 * room]
    assert float(bars[0]["y"]) == svg_plots.TOP + 0.25 * room
    assert float(bars[1]["y"]) == svg_plots.TOP
    assert bars[0]["x"] == bars[1]["x"]


def test_no_stack_is_an_empty_plot():
    assert "<rect" not in svg_plots.stacked_bars([], "said", "x")


def test_what_a_plot_says_is_escaped():
    drawn = svg_plots.scatter([svg_plots.Point(1, 2, '<b>"', 'x"y')], '<i>"', "x", "y")
    assert "<b>" not in drawn
    assert "<i>" not in drawn
    assert 'x"y' not in drawn
    assert drawn.count("&lt;b&gt;&#34;") == 2
    stacked = svg_plots.stacked_bars([svg_plots.Stack("<b>", (1,))], '"<i>', "<u>")
    assert not re.findall(r"<[biu]>", stacked)
