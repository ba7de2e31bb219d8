"""Plots in closed form: where values stand, which numbers the axes show, and that nothing in them is executed."""

import base64
import itertools
import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.dagster_support.plots import density_histogram, pareto, training_curves
from plotting.axis import Axis, short
from plotting.frame import FLOOR, TOP, standalone
from plotting.heat_map import Square, heat_map
from plotting.histogram import Bar, histogram
from plotting.interval_bars import IntervalBar, interval_bars
from plotting.line_chart import line_chart
from plotting.scatter import Point, scatter
from plotting.stacked_bars import Stack, stacked_bars

ROOM = FLOOR - TOP


def test_an_axis_maps_its_ends_and_its_middle():
    line = Axis.over([0, 10], 100, 200)
    assert [line(value) for value in (0, 5, 10)] == [100, 150, 200]
    decades = Axis.over([0.01, 1], 0, 100, log=True)
    assert [decades(value) for value in (0.01, 0.1, 1)] == [0, 50, 100]
    assert decades.ticks() == pytest.approx([0.01, 0.1, 1])


@pytest.mark.parametrize(
    ("low", "high", "log", "ticks"),
    [
        (0, 1, False, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (0.07, 0.31, False, [0.1, 0.15, 0.2, 0.25, 0.3]),
        (0, 4_096, False, [0, 1_000, 2_000, 3_000, 4_000]),
        (1e-5, 0.1, True, [1e-5, 1e-4, 1e-3, 1e-2, 1e-1]),
        (8, 64, True, [10, 20, 50]),
    ],
)
def test_ticks_are_one_two_and_five_times_powers_of_ten(low: float, high: float, log: bool, ticks: list[float]):
    assert Axis(low, high, 0, 100, log).ticks() == pytest.approx(ticks)


@given(st.floats(-1e9, 1e9), st.floats(1e-6, 1e9), st.booleans())
def test_whatever_the_range_two_ticks_lie_in_it_at_least_and_an_axis_to_ticks_holds_it(low, width, log):
    low = abs(low) + 1e-6 if log else low
    axis = Axis(low, low + max(width, abs(low) * 1e-3), 0, 100, log).to_ticks()
    ticks = axis.ticks()
    assert 2 <= len(ticks) <= 30
    assert ticks == sorted(ticks)
    assert axis.low <= low
    assert axis.high >= low + width * (1 - 1e-9)


def test_an_axis_does_not_go_where_no_value_can_be():
    """One dictionary has an FVU of .07: the axis begins at 0, not at -.43."""
    axis = Axis.over([0.07], 0, 100, least=0).to_ticks(least=0)
    assert axis.low == 0
    assert Axis.over([0.98], 0, 100, most=1).to_ticks(most=1).high == 1
    assert Axis(0.3, 0.9, 0, 100).to_ticks(least=0.25, most=0.95) == Axis(0.25, 0.95, 0, 100), "ticks stand at .2 and 1"
    drawn = scatter([Point(32, 0.07, "one")], "said", "L0", "FVU")
    assert "-0." not in re.sub("<[^>]*>", " ", drawn)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.00123, "0.00123"), (0, "0"), (950, "950"), (9500, "9.5k"), (12345, "12.3k"), (4e6, "4M"), (-2.5e9, "-2.5G")],
)
def test_ticks_are_short(value: float, text: str):
    assert short(value) == text


@pytest.mark.parametrize("values", [[], [0.0], [3.0], [5, 5, 5]])
@pytest.mark.parametrize("log", [False, True])
def test_an_axis_over_one_value_or_none_still_has_two_ends(values: list[float], log: bool):
    axis = Axis.over(values, 0, 100, log=log)
    assert axis.low < axis.high
    assert axis(axis.low) == 0
    assert axis(axis.high) == 100


def heights(drawn: str) -> list[float]:
    return [float(part.split('"')[0]) for part in drawn.split(' height="')[1:]]


def test_bars_are_as_high_as_their_counts():
    counts = [0, 25, 100]
    drawn = histogram([Bar(i, i + 1, n) for i, n in enumerate(counts)], "said", "x", "features")
    assert heights(drawn) == [0, 0.25 * ROOM, ROOM]
    assert ">features</text>" in drawn
    assert "logarithmic" not in drawn


def test_logarithmic_counts_are_said_to_be():
    drawn = histogram([Bar(0, 1, 0), Bar(1, 2, 1), Bar(2, 3, 10), Bar(3, 4, 100)], "said", "x", "n", log_counts=True)
    none, one, ten, hundred = heights(drawn)
    assert none == 0
    assert one > 0
    assert ten - one == pytest.approx(hundred - ten, abs=0.05)
    assert ">n, logarithmic</text>" in drawn


def test_stacks_are_of_one_height_and_cut_by_share():
    drawn = stacked_bars([Stack("a", (1, 0, 0, 3)), Stack("b", (0, 0, 0, 0))], "said", "x")
    bars = [dict(re.findall(r'(\w+)="([^"]*)"', bar)) for bar in re.findall("<rect ([^>]*)>", drawn)]
    assert [bar["class"] for bar in bars] == ["bar r3", "bar r0"], "the best stand at the bottom; b has none"
    assert [float(bar["height"]) for bar in bars] == [0.75 * ROOM, 0.25 * ROOM]
    assert float(bars[0]["y"]) == TOP + 0.25 * ROOM
    assert float(bars[1]["y"]) == TOP
    assert bars[0]["x"] == bars[1]["x"]


def test_no_stack_is_an_empty_plot():
    assert "<rect" not in stacked_bars([], "said", "x")


def test_labels_of_equal_dots_do_not_lie_on_each_other():
    points = [Point(32, 0.1 + i * 1e-9, f"dot {i}", label=f"name {i}") for i in range(8)]
    drawn = scatter(points, "said", "x", "y")
    places = [float(y) for y in re.findall(r'class="label" x="[^"]*" y="([^"]*)"', drawn)]
    assert len(places) == 8
    assert min(b - a for a, b in itertools.pairwise(places)) >= 12


def test_what_a_plot_says_is_escaped():
    drawn = scatter([Point(1, 2, '<b>"', 'x"y', label="<s>")], '<i>"', "x", "y")
    assert not re.findall("<[bis]>", drawn)
    assert 'x"y' not in drawn
    assert drawn.count("&lt;b&gt;&#34;") == 2
    for other in (
        heat_map([Square(0, 0, 1, "<b>")], ["<u>"], ["<i>"], '"<b>', "<u>", "<b>"),
        interval_bars([IntervalBar("<b>", 1, 0, 2)], '"<i>', "<u>"),
    ):
        assert not re.findall(r"<[biu]>", other)
    stacked = stacked_bars([Stack("<b>", (1,))], '"<i>', "<u>")
    assert not re.findall(r"<[biu]>", stacked)


@pytest.mark.parametrize(
    "drawn",
    [
        histogram([Bar(1, 2, 3)], "a & b", "x", "y", mark=1.5),
        stacked_bars([Stack("<a>", (1, 2))], "a", "x"),
        scatter([Point(1, 2, "n", "/there")], "a", "x", "y"),
        line_chart([(0, 1), (1, 2)], "a", "x", "y"),
    ],
)
def test_a_plot_that_stands_alone_is_a_file_of_its_own(drawn):
    root = ElementTree.fromstring(standalone(drawn))
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert "r3" in (root.findtext("{http://www.w3.org/2000/svg}style") or "")


def pictures(markdown: str) -> list[str]:
    return [base64.b64decode(found).decode() for found in re.findall(r"svg\+xml;base64,([^)]*)\)", markdown)]


def test_dagster_shows_each_curve_and_each_dictionary():
    curves = pictures(training_curves([1, 2, 3], {"FVU": [0.5, 0.2, 0.1], "dead fraction": [0, 0, 0]}).value)
    assert [len(re.findall(r"[\d.]+,[\d.]+", one.split("polyline")[2])) for one in curves] == [3, 3]
    fvu, recovered = pictures(pareto([("a", 32, 0.07, 0.98), ("b", 64, 0.05, None)]).value)
    assert (fvu.count("<circle"), recovered.count("<circle")) == (2, 1)
    assert "a: L0 32, FVU 0.07" in fvu


def test_densities_are_counted_by_eighths_of_decades_and_the_dead_left_out():
    [drawn] = pictures(density_histogram([0, 0, 0.001, 0.00101, 0.5]).value)
    counts = [int(n) for n in re.findall(r": (\d+)</title>", drawn)]
    assert (counts[0], sum(counts), counts[-1]) == (2, 3, 1)
    assert "3 live features" in drawn


def test_squares_stand_at_their_crossing_and_are_as_dark_as_their_value():
    squares = [Square(0, 1, 0.25, "one"), Square(2, 0, 1.5, "two"), Square(1, 1, -0.5, "three")]
    drawn = heat_map(squares, ["a", "b", "c"], ["x", "y"], "said", "key", "query")
    found = [dict(re.findall(r'([\w-]+)="([^"]*)"', bar)) for bar in re.findall("<rect ([^>]*)>", drawn)]
    assert [bar["fill-opacity"] for bar in found] == ["0.25", "1.0", "0.0"]
    x, y = ([float(bar[side]) for bar in found] for side in "xy")
    assert (x[2] - x[0], x[1] - x[0]) == (18, 36)
    assert (y[0] - y[1], y[0] - y[2]) == (18, 0)
    assert "rotate" not in drawn
    assert "rotate(-90)" in heat_map(squares, ["long", "b", "c"], ["x", "y"], "said", "key", "query")


def test_bars_lie_between_zero_and_their_values_with_their_intervals():
    drawn = interval_bars([IntervalBar("up", 2.0, 1.0, 3.0), IntervalBar("down", -1.0)], "said", "nats")
    up, down = (dict(re.findall(r'(\w+)="([^"]*)"', bar)) for bar in re.findall("<rect ([^>]*)>", drawn))
    per_unit = float(up["width"]) / 2
    assert float(down["width"]) == pytest.approx(per_unit, abs=0.02)
    zero = float(up["x"])
    assert float(down["x"]) + float(down["width"]) == pytest.approx(zero, abs=0.02)
    [(low, high)] = re.findall(r'class="whisker" x1="([^"]*)" x2="([^"]*)"', drawn)
    assert (float(low) - zero, float(high) - zero) == pytest.approx((per_unit, 3 * per_unit), abs=0.02)
    assert "up: +2, 95 % interval +1 to +3" in drawn
