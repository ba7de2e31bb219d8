"""Functions of the warehouse say what Python says."""

from contextlib import closing

import duckdb
import pytest

from models.interchange.dashboards.neuronpedia.activations import interval_shares
from sql.views import define_views
from sql.warehouse import define


@pytest.mark.parametrize(("n_bins", "n_intervals"), [(50, 10), (50, 7), (3, 10), (1, 1)])
def test_a_bin_is_in_the_interval_that_an_export_counts_it_in(n_bins: int, n_intervals: int):
    bars = [{"lower": i * 3.7 / n_bins, "upper": (i + 1) * 3.7 / n_bins, "n": 2**i % 97} for i in range(n_bins)]
    strongest = bars[-1]["upper"]
    n_tokens = sum(bar["n"] for bar in bars)
    with closing(duckdb.connect()) as con:
        define(con)
        define_views(con)
        counted = [0] * n_intervals
        for bar in bars:
            row = con.execute(
                "select interval_of_bin($lower, $upper, $strongest, $n_intervals)",
                {"lower": bar["lower"], "upper": bar["upper"], "strongest": strongest, "n_intervals": n_intervals},
            ).fetchone()
            assert row is not None
            counted[row[0]] += bar["n"]
    assert interval_shares(bars, n_intervals, n_tokens) == [n / n_tokens for n in counted]
