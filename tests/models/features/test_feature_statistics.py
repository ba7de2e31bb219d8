"""The tables of a small store equal brute force over its tokens and SQL over its codes; stopping changes nothing."""

from types import SimpleNamespace

import duckdb
import numpy as np
import pyarrow as pa
import pytest
import torch
from random_codes import SPECIAL, made
from stored_shards import store_shards
from tiny_models import train_tokenizer

from models.activations.shards import ActivationBatch
from models.corpora.contexts import TokenizedCorpus
from models.corpora.corpus_writer import write_corpus
from models.corpora.token_filter import TokenFilter
from models.features import statistics_readings
from models.features.activation_histogram import bin_edge
from models.features.config import StatisticsSettings
from models.features.feature_statistics import compute_feature_statistics
from models.features.statistics_blocks import READINGS, StatisticsBlocks, _in_pairs
from models.features.statistics_readings import StatisticsInput, encoded
from models.sparse.codes import SparseCodes
from storage.folder import Folder

N = 12
SETTINGS = StatisticsSettings(
    top_examples=6, intervals=4, examples_per_interval=2, control_examples=3, window_tokens=8, histogram_bins=7
)


class Given:
    """A dictionary over activations that are their own codes: what is positive has fired."""

    n_features = N
    W_enc = torch.eye(N)
    W_dec = torch.eye(N) * 2
    calls = 0

    def encode(self, x_TD: torch.Tensor) -> SparseCodes:
        self.calls += 1
        return SparseCodes(*x_TD.float().topk(3, dim=1), N)


@pytest.fixture
def store(tmp_path):
    some, root = made(2, contexts=90), Folder(str(tmp_path))
    write_corpus(
        root / "corpus", some.contexts, {}, TokenFilter(frozenset({SPECIAL})), source="made up", context_length=64
    )
    dense_TF = torch.zeros(len(some.token_T), N).scatter_(1, some.codes.features_TK, some.codes.acts_TK)
    shards = []
    for first in range(0, 90, 25):
        mine = (some.context_T >= first) & (some.context_T < first + 25)
        shards.append(ActivationBatch(dense_TF[mine], some.context_T[mine], some.position_T[mine], some.token_T[mine]))
    stored = store_shards(root / "activations", shards, "float32")
    return SimpleNamespace(some=some, root=root, contexts=TokenizedCorpus.open(root / "corpus"), shards=stored)


def inputs_of(store, sae=None, identity="i") -> StatisticsInput:
    return StatisticsInput(
        sae or Given(),
        store.shards,
        store.contexts,
        tokenizer=train_tokenizer("plain"),
        model_id="m",
        recipe_id="r",
        identity_sha256=identity,
    )


def measured(store, sae=None, identity="i", report=lambda *progress: None):
    return compute_feature_statistics(inputs_of(store, sae, identity), SETTINGS, store.root / "codes", report)


def test_the_feature_table_equals_brute_force(store):
    found, table = measured(store).feature.to_pylist(), store.some.table()
    n_tokens = len(store.some.token_T)
    assert [row["feature_id"] for row in found] == list(range(N))
    for row in found:
        acts = table["act"][table["feature"] == row["feature_id"]]
        assert (row["n_firings"], row["n_tokens"], row["density"]) == (len(acts), n_tokens, len(acts) / n_tokens)
        assert row["is_dead"] == (len(acts) == 0)
        assert row["max_activation"] == (acts.max() if len(acts) else None)
        assert row["mean_activation"] == (pytest.approx(acts.mean(), rel=1e-14) if len(acts) else None)
        assert row["std_activation"] == (pytest.approx(acts.std(), rel=1e-12) if len(acts) else None)
        assert (row["decoder_norm"], row["encoder_decoder_cosine"]) == (2, 1)
        assert row["logit_skew"] is None
        assert row["logit_kurtosis"] is None
    assert found[-1]["is_dead"]


def test_freed_memory_goes_back_while_shards_are_read(store, monkeypatch):
    """Pieces of one shard fit the next less and less: 1.15 GB after 153 shards, .95 where they go back."""
    returned = []
    monkeypatch.setattr(statistics_readings, "return_freed_memory", lambda: returned.append(1))
    measured(store)
    n_shards = len(store.shards.manifest.files)
    assert (n_shards, len(returned)) == (4, 3 * 2)


def test_histograms_and_examples_equal_brute_force(store):
    result, table = measured(store), store.some.table()
    firings = {row["feature_id"]: row["n_firings"] for row in result.feature.to_pylist()}
    for feature in range(N):
        acts = table["act"][table["feature"] == feature]
        bins = [row for row in result.histogram.to_pylist() if row["feature_id"] == feature]
        assert [row["n"] for row in bins] == [((r["lower"] < acts) & (acts <= r["upper"])).sum() for r in bins]
        assert sum(row["n"] for row in bins) == firings[feature]
    places = zip(table["feature"], table["context"], table["position"], strict=True)
    acts = {tuple(map(int, place)): act for place, act in zip(places, table["act"], strict=True)}
    maxima = np.array([max((a for (f, *_), a in acts.items() if f == feature), default=0) for feature in range(N)])
    rows = result.example.to_pylist()
    assert {row["kind"] for row in rows} == {"top", "interval", "control"}
    for row in rows:
        act = acts.get((row["feature_id"], row["context_id"], row["position"]), 0.0)
        assert row["activation"] == row["activations"][row["peak"]] == act
        if row["kind"] == "control":
            assert not any(row["activations"]), "a control in which the feature fires"
        if row["kind"] == "interval":
            low, high = (bin_edge(maxima, row["interval_index"] + step, 4)[row["feature_id"]] for step in (0, 1))
            assert low < act <= high


def test_top_examples_and_counts_agree_with_sql_over_the_codes(store):
    result = measured(store)
    with duckdb.connect() as con:
        con.execute(f"create view codes as from '{store.root.path}/codes/*.parquet'")
        counts = con.execute(
            "select feature_id, count(*), max(activation) from codes group by all order by all"
        ).fetchall()
        top = con.execute("""
            with firsts as (
                from codes
                qualify row_number() over (partition by feature_id, context_id order by activation desc, position) = 1
            )
            select
                feature_id,
                row_number() over (partition by feature_id order by activation desc, context_id) - 1 as rank,
                context_id,
                position,
                activation
            from firsts qualify rank < 6 order by all
        """).fetchall()
    alive = [row for row in result.feature.to_pylist() if not row["is_dead"]]
    assert [(row["feature_id"], row["n_firings"], row["max_activation"]) for row in alive] == counts
    names = ("feature_id", "rank", "context_id", "position", "activation")
    assert [tuple(row[n] for n in names) for row in result.example.to_pylist() if row["kind"] == "top"] == top


def test_a_stopped_run_goes_on_and_gives_the_same(store):
    whole = measured(store, identity="whole")
    (store.root / "codes").remove()

    class Stop(Exception):
        pass

    def stop(step, done, total):
        if step == "encode" and done == 2:
            raise Stop

    with pytest.raises(Stop):
        measured(store, report=stop)
    rest = Given()
    resumed = measured(store, rest)
    assert rest.calls == 2, "two of four shards were left to encode"
    for name in ("feature", "histogram", "example"):
        assert getattr(resumed, name).equals(getattr(whole, name)), name
    other = Given()
    measured(store, other, identity="another")
    assert other.calls == 4, "codes of another identity are made anew"


def test_progress_is_reported_for_every_shard_of_every_reading(store):
    seen: list[tuple] = []
    measured(store, report=lambda *progress: seen.append(progress))
    assert seen == [(step, n, 4) for step in ("encode", "sample", "show") for n in range(1, 5)]


def test_a_shard_is_encoded_in_parts_without_showing(store, monkeypatch):
    whole = encoded(Given(), store.shards, 1)
    monkeypatch.setattr("models.features.statistics_readings.ENCODED_TOGETHER", 7)
    parts = encoded(Given(), store.shards, 1)
    assert np.array_equal(whole.acts_M, parts.acts_M)
    assert np.array_equal(whole.positions_M, parts.positions_M)


def test_an_encoder_of_another_width_has_no_cosine_with_its_decoder(store):
    sae = Given()
    sae.W_enc = torch.ones(3, N)
    assert measured(store, sae).feature.column("encoder_decoder_cosine").null_count == N


def test_the_tables_have_the_types_that_the_warehouse_wants(store):
    result = measured(store)
    assert result.example.schema.field("tokens").type == pa.list_(pa.string())
    assert result.example.schema.field("activations").type == pa.list_(pa.float32())
    assert result.histogram.schema.field("n").type == pa.int64()


@pytest.mark.parametrize("most", [1, 2, 64])
def test_blocks_that_processes_share_make_the_tables_of_one(store, monkeypatch, most):
    """Four shards in one, two or four blocks, their readings done in any order by processes that know no other."""
    whole = measured(store)
    monkeypatch.setattr("models.features.statistics_blocks.MOST_BLOCKS", most)

    def process():
        return StatisticsBlocks(inputs_of(store), SETTINGS, store.root / "shared", store.root / "sums")

    n = process().n_units
    assert n == min(most, 4)
    for reading in READINGS:
        for unit in reversed(range(n)):
            assert not process().is_done(reading, unit)
            process().do(reading, unit)
            assert process().is_done(reading, unit)
        if most == 2:
            process().merge(reading)
    made = process().tables()
    for name in ("feature", "histogram", "example"):
        assert getattr(made, name).equals(getattr(whole, name)), name
    assert [(file.name, file.sha256) for file in made.codes] == [(file.name, file.sha256) for file in whole.codes]
    (store.root / "shared").remove(made.codes[0].name)
    assert not process().is_done("encode", 0)


def test_a_block_that_was_not_read_is_named(store):
    blocks = StatisticsBlocks(inputs_of(store), SETTINGS, store.root / "shared", store.root / "sums")
    blocks.do("encode", 0)
    with pytest.raises(ValueError, match=r"block 1 of 4 was not read yet \(encode\)"):
        blocks.do("sample", 0)


def test_sums_of_blocks_are_added_in_pairs_as_those_of_shards_are():
    """In the order of blocks it would be 1: the last bits are those of one process only in pairs."""
    assert _in_pairs(iter([1e16, 1.0, -1e16, 1.0])) == 0.0
