"""Ratings by interval, counted by hand."""

import pyarrow as pa

from models.autointerp.ratings_by_interval import IntervalRatings, ratings_by_interval


def test_counts_and_means_are_those_counted_by_hand():
    rows = [(10, 3), (None, 0), (2, 1), (10, 3), (2, 2), (10, 0), (None, None), (2, None), (10, 2), (None, 0)]
    table = pa.table({"interval_index": [i for i, _ in rows], "rating": [r for _, r in rows]})
    assert ratings_by_interval(table) == [
        IntervalRatings("controls", 0.0, (2, 0, 0, 0)),
        IntervalRatings("2", 1.5, (0, 1, 1, 0)),
        IntervalRatings("10", 2.0, (1, 0, 1, 2)),
    ]


def test_where_every_rating_failed_there_is_no_interval():
    empty = {"interval_index": pa.array([1, None], pa.int16()), "rating": pa.array([None, None], pa.int8())}
    assert ratings_by_interval(pa.table(empty)) == []
