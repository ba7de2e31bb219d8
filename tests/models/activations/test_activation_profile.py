"""Shares of the variance equal brute force, whatever the split; what dominates is named, and what does not is not."""

from functools import reduce
from operator import add

import numpy as np
import pytest
import torch

from models.activations.activation_profile import ActivationProfile, largest_share, profile_rows
from models.activations.dominance import dominance_sentences, excess
from models.activations.position_buckets import PositionBuckets
from models.activations.shards import ActivationBatch

NONE = torch.empty(0, dtype=torch.int64)


def rows(n: int = 4000, length: int = 40, width: int = 8, seed: int = 0) -> ActivationBatch:
    chance = torch.Generator().manual_seed(seed)
    x_TD = torch.randn(n, width, generator=chance) + 2.0
    position_T, token_T = torch.arange(n) % length, torch.randint(0, 50, (n,), generator=chance)
    return ActivationBatch(x_TD, torch.arange(n) // length, position_T, token_T)


def profiled(batch: ActivationBatch, length: int = 40) -> ActivationProfile:
    return ActivationProfile.zero(PositionBuckets.of(length), 50).of(batch, batch.x_TD.mean(dim=0), NONE)


@pytest.mark.parametrize(("length", "first"), [(3, 0), (16, 1), (17, 0), (128, 1), (129, 3), (1024, 1), (8192, 2)])
def test_every_position_has_one_bucket_and_the_first_sixteen_their_own(length, first):
    buckets = PositionBuckets.of(length, first)
    position = np.arange(first, length)
    number = buckets.at(position)
    low_B, high_B = buckets.edges()
    assert number.min() == 0
    assert number.max() == buckets.n - 1 <= 71
    assert ((low_B[number] <= position) & (position <= high_B[number])).all()
    assert np.array_equal(number[:16], np.arange(min(16, length - first)))
    assert (low_B[1:] == high_B[:-1] + 1).all()


def test_shares_equal_brute_force_whatever_the_split():
    batch = rows()
    whole, square_T = profiled(batch), (batch.x_TD - batch.x_TD.mean(dim=0)).double().square().sum(dim=1)
    zero = ActivationProfile.zero(PositionBuckets.of(40), 50)
    columns = (batch.x_TD, batch.context_T, batch.position_T, batch.token_T)
    parts = [ActivationBatch(*part) for part in zip(*(column.split(333) for column in columns), strict=True)]
    added = reduce(add, (zero.of(part, batch.x_TD.mean(dim=0), NONE) for part in parts))
    facts = added.facts()
    assert facts["variance"] == pytest.approx(float(square_T.mean()), rel=1e-6)
    assert np.allclose(added.share_B, whole.share_B)
    for row in facts["positions"]:
        here = (batch.position_T >= row["position_first"]) & (batch.position_T <= row["position_last"])
        assert row["n_tokens"] == int(here.sum())
        assert row["variance_share"] == pytest.approx(float(square_T[here].sum() / square_T.sum()), rel=1e-6)
        assert row["mean_norm"] == pytest.approx(float(batch.x_TD[here].norm(dim=1).mean()), rel=1e-5)
    for row in facts["tokens"]:
        here = batch.token_T == row["token_id"]
        assert row["variance_share"] == pytest.approx(float(square_T[here].sum() / square_T.sum()), rel=1e-6)
    largest = square_T.sort(descending=True).values[:40].sum() / square_T.sum()
    assert facts["largest_rows_share"] == pytest.approx(float(largest), rel=0.02)
    for quantile, norm in facts["norm_quantiles"].items():
        exact = float(batch.x_TD.norm(dim=1).double().quantile(float(quantile)))
        assert norm == pytest.approx(exact, rel=0.05)
    assert profile_rows(facts).num_rows == len(facts["positions"])


def test_a_healthy_profile_names_nothing():
    assert dominance_sentences(profiled(rows()).facts()) == []


def test_a_position_that_is_far_away_is_named():
    """As in the field: position 0 has norm 60 beside .26."""
    batch = rows()
    batch.x_TD[batch.position_T == 0] *= 30
    [sentence] = dominance_sentences(profiled(batch).facts())
    assert sentence.startswith("position 0 is 2.50% of the rows and holds 9")
    assert "of the variance and has a mean norm of 1" in sentence


def test_a_token_that_is_far_away_is_named_by_its_text():
    batch = rows()
    batch.x_TD[batch.token_T == 7] *= 30
    [sentence] = dominance_sentences(profiled(batch).facts(), lambda token_id: f"<{token_id}>")
    assert sentence.startswith("token <7> is ")


def test_a_position_of_short_contexts_is_no_sink_for_being_a_third_of_the_rows():
    assert dominance_sentences(profiled(rows(length=3), 3).facts()) == []
    batch = rows(length=3)
    batch.x_TD[batch.position_T == 0] *= 100
    assert len(dominance_sentences(profiled(batch, 3).facts())) == 1


def test_a_position_that_is_left_out_for_its_norm_is_a_sink_and_a_few_strays_are_none():
    batch, zero = rows(), ActivationProfile.zero(PositionBuckets.of(40), 50)
    strays = zero.of(batch, batch.x_TD.mean(dim=0), torch.tensor([0, 0, 5, 9])).facts()
    assert dominance_sentences(strays) == []
    assert strays["n_outliers"] == 4
    kept = batch.position_T != 0
    rest = ActivationBatch(*(column[kept] for column in (batch.x_TD, batch.context_T, batch.position_T, batch.token_T)))
    outliers = torch.zeros(100, dtype=torch.int64)
    [sentence] = dominance_sentences(zero.of(rest, rest.x_TD.mean(dim=0), outliers).facts())
    assert sentence == "position 0 has 100 of its 100 rows left out for their norm"


def test_not_finite_rows_are_counted_and_spoil_nothing():
    batch = rows()
    batch.x_TD[3, 2] = float("nan")
    facts = profiled(ActivationBatch(batch.x_TD, batch.context_T, batch.position_T, batch.token_T)).facts()
    assert facts["n_non_finite"] == 4000, "the centre was NaN here: nothing has a distance"
    facts = ActivationProfile.zero(PositionBuckets.of(40), 50).of(batch, torch.full((8,), 2.0), NONE).facts()
    assert facts["n_non_finite"] == 1
    assert np.isfinite(facts["variance"])


def test_the_largest_terms_of_a_sum_by_hand():
    terms = np.array([8.0, 4.0, 2.0, 1.0, 1.0])
    assert largest_share(np.ones(5), terms, 0.2) == 0.5
    assert largest_share(np.ones(5), terms, 0.3) == (8 + 2) / 16
    assert largest_share(np.array([2.0, 3.0]), np.array([12.0, 4.0]), 0.2) == 6 / 16
    assert excess(1, 0.5, 11) == pytest.approx(10)
    assert excess(5, 0.5, 10) == 1
