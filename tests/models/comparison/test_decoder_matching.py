"""Children, mutual matches and cosines of a dictionary that was split by hand, and of random ones by brute force."""

from contextlib import closing

import duckdb
import numpy as np
import pytest
import torch

from models.comparison.decoder_matching import SAME_FEATURE_COSINE, match_features, match_rows
from sql.views import define_views
from sql.warehouse import define

D = 32


def unit(*places: int) -> torch.Tensor:
    direction = torch.zeros(D)
    direction[places[0]] = 1
    for place in places[1:]:
        direction[place] = 0.5
    return direction


def test_features_split_by_hand_are_counted_exactly():
    """Of five features the first splits in three, the second in two, the third stays, the fourth is lost, the fifth is
    found again at a cosine of .6."""
    far = torch.zeros(D)
    far[4], far[30] = 0.6, 0.8
    narrow = torch.stack([unit(i) * (i + 1) for i in range(5)])
    split = [unit(0, 10), unit(0, 11), unit(0, 12), unit(1, 13), unit(1, 14)]
    wide = torch.stack([*split, unit(2), far, unit(20), torch.zeros(D)])
    rows = match_rows("wide", match_features(narrow, wide)).to_pylist()
    child = 1 / np.sqrt(1.25)
    assert [row["n_split_features"] for row in rows] == [3, 2, 1, 0, 0]
    assert [row["cosine"] for row in rows] == pytest.approx([child, child, 1, 0, 0.6])
    assert [row["other_feature_id"] for row in rows] == [0, 3, 5, 0, 6]
    assert [row["is_mutual"] for row in rows] == [True, True, True, False, True]
    assert {row["other_recipe_id"] for row in rows} == {"wide"}

    back = match_rows("narrow", match_features(wide, narrow)).to_pylist()
    assert [row["other_feature_id"] for row in back[:7]] == [0, 0, 0, 1, 1, 2, 4]
    assert [row["n_split_features"] for row in back] == [1, 0, 0, 1, 0, 1, 0, 0]
    assert [row["feature_id"] for row in back] == list(range(8)), "what has no direction has no row"


def test_any_two_dictionaries_match_as_brute_force_says(monkeypatch):
    chance = np.random.default_rng(0)
    a = chance.normal(size=(60, 4)).astype(np.float32)
    b = chance.normal(size=(45, 4)).astype(np.float32)
    monkeypatch.setattr("models.comparison.decoder_matching.TILE", {"cpu": 200})
    rows = match_rows("b", match_features(torch.from_numpy(a), torch.from_numpy(b))).to_pylist()
    cosines = (a / np.linalg.norm(a, axis=1)[:, None]) @ (b / np.linalg.norm(b, axis=1)[:, None]).T
    for row in rows:
        mine = cosines[row["feature_id"]]
        assert row["other_feature_id"] == mine.argmax()
        assert row["cosine"] == pytest.approx(mine.max(), abs=1e-6)
        assert row["is_mutual"] == (cosines[:, mine.argmax()].argmax() == row["feature_id"])
        children = [g for g in range(45) if cosines[:, g].argmax() == row["feature_id"] and cosines[:, g].max() > 0.7]
        assert row["n_split_features"] == len(children)
    assert len(rows) == 60


def test_nothing_matches_a_dictionary_without_directions():
    assert match_rows("none", match_features(torch.eye(3), torch.zeros(2, 3))).num_rows == 0


def test_dictionaries_of_different_widths_are_refused():
    with pytest.raises(ValueError, match="decoders of widths 3 and 4 cannot be compared"):
        match_features(torch.eye(3), torch.eye(4))


def test_stages_and_sql_mean_the_same_by_the_same_feature():
    with closing(duckdb.connect()) as con:
        define(con)
        define_views(con)
        assert con.execute("select same_feature_cosine()").fetchall() == [(SAME_FEATURE_COSINE,)]
