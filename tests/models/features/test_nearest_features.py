"""Neighbors by cosine and by shared tokens equal loops and SQL, whatever the blocks."""

import duckdb
import numpy as np
import pytest
import torch
from random_codes import Made, made

from models.features.coactivation import cofiring_counts
from models.features.nearest_features import nearest_by_cosine, nearest_by_jaccard, neighbor_rows


def source(some: Made, seed: int = 0):
    return lambda: (some.fired(*run) for run in sorted(some.parts(seed)))


def jaccard(some: Made) -> np.ndarray:
    table, n = some.table(), some.codes.n_features
    tokens = [
        set(zip(table["context"][table["feature"] == f], table["position"][table["feature"] == f], strict=True))
        for f in range(n)
    ]
    return np.array([[len(a & b) / max(len(a | b), 1) for b in tokens] for a in tokens])


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("memory", [2**30, 12 * 4 * 5, 1])
def test_coactivation_equals_sets_of_tokens(seed, memory):
    some = made(seed)
    likeness, rows = jaccard(some), []
    for feature in range(12):
        others = [o for o in range(12) if o != feature and likeness[feature, o] > 0]
        others.sort(key=lambda o: (-likeness[feature, o], o))
        rows += [(feature, rank, other, likeness[feature, other]) for rank, other in enumerate(others[:5])]
    found = neighbor_rows("cofiring_jaccard", nearest_by_jaccard(source(some, seed), 12, 5, memory), "m", "r")
    names = ("feature_id", "rank", "other_feature_id", "value")
    assert list(zip(*(found.column(name).to_pylist() for name in names), strict=True)) == rows


def test_coactivation_agrees_with_sql():
    some = made(5, contexts=150, n_features=40, k=6)
    with duckdb.connect() as con:
        con.register("codes", {name: np.ascontiguousarray(column) for name, column in some.table().items()})
        rows = con.execute("""
            with n as (select feature, count(*) as n from codes group by feature),
            pairs as (
                select a.feature, b.feature as other, count(*) as shared
                from codes a join codes b using (context, position) where a.feature <> b.feature group by all
            )
            select p.feature, p.other, shared / (a.n + b.n - shared) as value
            from pairs p join n a on a.feature = p.feature join n b on b.feature = p.other
            qualify row_number() over (partition by p.feature order by value desc, p.other) <= 10
            order by p.feature, value desc, p.other
        """).fetchall()
    found = neighbor_rows("cofiring_jaccard", nearest_by_jaccard(source(some), 40, 10), "m", "r")
    assert (
        list(zip(*(found.column(n).to_pylist() for n in ("feature_id", "other_feature_id", "value")), strict=True))
        == rows
    )


def test_tokens_of_uneven_size_are_all_counted():
    some = made(2, n_features=30, k=20)  # a slot in 24 is empty, and many tokens are cut to few features below
    some.codes.acts_TK[::3, 2:] = 0
    some.codes.acts_TK[1::7, 1:] = 0
    some.codes.acts_TK[2::11] = 0
    dense = torch.zeros(len(some.token_T), 30).scatter_(1, some.codes.features_TK, (some.codes.acts_TK > 0).float())
    [(first, counts, firings)] = cofiring_counts(source(some), 30)
    assert first == 0
    assert torch.equal(counts.float(), dense.T @ dense)
    assert torch.equal(firings, dense.sum(dim=0).long())


def test_cosine_equals_a_loop(monkeypatch):
    chance = torch.Generator().manual_seed(0)
    W_dec = torch.randn(30, 6, generator=chance)
    W_dec[7] = 0
    W_dec[9] = 2 * W_dec[3]
    unit = W_dec.double().numpy() / np.maximum(np.linalg.norm(W_dec.double().numpy(), axis=1, keepdims=True), 1e-30)
    monkeypatch.setattr("models.features.nearest_features.TILE", {"cpu": 100})
    found = neighbor_rows("decoder_cosine", nearest_by_cosine(W_dec, 4), "m", "r").to_pylist()
    assert len(found) == 29 * 4, "the feature without a direction neither has nor is a neighbor"
    for row in found:
        cosines = unit @ unit[row["feature_id"]]
        cosines[[row["feature_id"], 7]] = -9
        assert row["value"] == pytest.approx(np.sort(cosines)[::-1][row["rank"]], abs=1e-6)
        assert row["value"] == pytest.approx(cosines[row["other_feature_id"]], abs=1e-6)
    assert found[3 * 4]["other_feature_id"] == 9


def test_neighbors_name_their_own_dictionary():
    [row] = neighbor_rows("decoder_cosine", nearest_by_cosine(torch.eye(2) + 0.1, 1), "m", "r").slice(0, 1).to_pylist()
    assert (row["kind"], row["other_model_id"], row["other_recipe_id"], row["other_feature_id"]) == (
        "decoder_cosine",
        "m",
        "r",
        1,
    )
