"""Direct effects equal the plain product with the unembedding; their shape equals its textbook moments."""

import numpy as np
import pyarrow.compute as pc
import pytest
import torch

from models.features.logit_effects import logit_effects, skew_and_kurtosis
from models.language_model.sites import Site
from models.language_model.token_strings import TokenStrings
from models.language_model.unembedding import Unembedding

STREAM = Site("resid_post", 2)


def pieces(n: int) -> TokenStrings:
    return TokenStrings([f"t{i}" for i in range(n)], [f"t{i}" for i in range(n)])


def head(vocab: int, width: int, centred: bool = True) -> Unembedding:
    chance = torch.Generator().manual_seed(1)
    return Unembedding(torch.randn(vocab, width, generator=chance), torch.rand(width, generator=chance) + 0.5, centred)


@pytest.mark.parametrize("centred", [True, False])
def test_effects_equal_a_plain_product(centred):
    W_dec, unembedding = torch.randn(40, 8, generator=torch.Generator().manual_seed(0)) * 3, head(30, 8, centred)
    found = logit_effects(W_dec, STREAM, unembedding, pieces(30), 5)
    rows = found.effect.to_pylist()
    assert len(rows) == 40 * 2 * 5
    assert found.reason is None

    directions = (W_dec / W_dec.norm(dim=1, keepdim=True)).double().numpy()
    if centred:
        directions = directions - directions.mean(axis=1, keepdims=True)
    wanted = directions * unembedding.gain_D.double().numpy() @ unembedding.W_VD.double().numpy().T
    for row in rows:
        effects = wanted[row["feature_id"]]
        order = np.argsort(-effects if row["direction"] == "positive" else effects, kind="stable")
        assert row["token_id"] == order[row["rank"]]
        assert row["token"] == f"t{row['token_id']}"
        assert row["logit_weight"] == pytest.approx(effects[row["token_id"]], abs=1e-5)


def test_equal_effects_go_to_the_lower_token():
    W_VD = torch.tensor([[1.0, 0], [2, 0], [2, 0], [-1, 0], [2, 0], [-1, 0]])
    found = logit_effects(torch.eye(2)[:1], STREAM, Unembedding(W_VD, torch.ones(2), False), pieces(6), 2).effect
    assert found.column("token_id").to_pylist() == [1, 2, 3, 5]


def test_shape_has_its_textbook_values():
    skew, kurtosis = skew_and_kurtosis(torch.tensor([[0.0, 0, 0, 1], [-1, 1, -1, 1], [0, 0, 0, 0]]))
    p = 0.25  # of a Bernoulli variable: skew (1 − 2p) / √(pq), kurtosis 3 + (1 − 6pq) / pq
    assert skew[0].item() == pytest.approx((1 - 2 * p) / (p * (1 - p)) ** 0.5)
    assert kurtosis[0].item() == pytest.approx(3 + (1 - 6 * p * (1 - p)) / (p * (1 - p)))
    assert (skew[1].item(), kurtosis[1].item()) == (0.0, 1.0)
    assert skew[2].isnan()
    normal = torch.randn(1, 2_000_000, generator=torch.Generator().manual_seed(0))
    assert skew_and_kurtosis(normal)[0].item() == pytest.approx(0, abs=0.01)
    assert skew_and_kurtosis(normal)[1].item() == pytest.approx(3, abs=0.02)


def test_a_feature_without_a_direction_has_no_shape():
    found = logit_effects(torch.zeros(1, 8), STREAM, head(30, 8), pieces(30), 5)
    assert found.shape.to_pylist() == [{"feature_id": 0, "logit_skew": None, "logit_kurtosis": None}]


def test_rows_of_the_unembedding_that_no_token_has_are_left_out():
    padded = head(30, 8)
    padded.W_VD[25:] *= 100
    found = logit_effects(torch.randn(20, 8), STREAM, padded, pieces(25), 5)
    assert found.effect.filter(pc.field("token_id") >= 25).num_rows == 0


def test_an_encoder_and_a_site_outside_the_stream_have_none_and_say_so():
    encoder = logit_effects(torch.randn(4, 8), STREAM, None, pieces(30), 5)
    neurons = logit_effects(torch.randn(4, 8), Site("mlp_act", 1), head(30, 8), pieces(30), 5)
    for found, why in ((encoder, "encoder"), (neurons, "mlp_act.1 is not in the residual stream")):
        assert found.effect.num_rows == found.shape.num_rows == 0
        assert why in str(found.reason)


def test_chunks_do_not_show(monkeypatch):
    W_dec, unembedding = torch.randn(40, 8, generator=torch.Generator().manual_seed(0)), head(30, 8)
    whole = logit_effects(W_dec, STREAM, unembedding, pieces(30), 5)
    monkeypatch.setattr("models.features.logit_effects.TILE", {"cpu": 90})
    parts = logit_effects(W_dec, STREAM, unembedding, pieces(30), 5)
    names = ("feature_id", "direction", "rank", "token_id")
    rows = [{tuple(row[name] for name in names) for row in found.effect.to_pylist()} for found in (whole, parts)]
    assert rows[0] == rows[1]
