"""The numbers of `make demo`, again, by other means: numpy from the exported weights, DuckDB from the codes."""

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from models.activations.shards import ActivationShards
from sql.warehouse import connect
from storage.folder import Folder

DATABASE = "warehouse.main"
K, BINS = 32, 50

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def con(demo_home: Path):
    connection = connect(demo_home / "warehouse.duckdb")
    connection.execute(
        "create temp table code as select context_id, position, feature_id, activation from feature_activation "
        "where model_id = 'pystdlib' and recipe_id = 'mid-topk'"
    )
    for table in ("feature", "activation_histogram", "example"):  # the store may hold other dictionaries
        connection.execute(
            f"create temp view {table} as from {DATABASE}.{table} "
            "where model_id = 'pystdlib' and recipe_id = 'mid-topk'"
        )
    yield connection
    connection.close()


def one(con, query):
    [row] = con.execute(query).fetchall()
    return row


def test_codes_are_what_numpy_says_of_the_exported_weights(con, demo_home: Path):
    """The first 16,384 tokens. Of values that tie to the last bits, the order of summation decides which is kept."""
    weights = load_file(demo_home / "saes" / "pystdlib" / "mid-topk" / "sae_weights.safetensors")
    batch = next(
        ActivationShards.open(Folder(str(demo_home)) / "activations" / "pystdlib" / "resid_post.2").batches(16_384)
    )
    pre_TF = (batch.x_TD.float().numpy() - weights["b_dec"]) @ weights["W_enc"] + weights["b_enc"]
    top_TK = np.argpartition(-pre_TF, K, axis=1)[:, :K]
    acts_TK = np.maximum(np.take_along_axis(pre_TF, top_TK, axis=1), 0)

    last = int(batch.context_T[-1])
    found = con.execute(
        f"select context_id, position, feature_id, activation from code where context_id < {last}"
    ).fetchnumpy()
    whole_T = (batch.context_T < last).numpy()
    contexts, positions = batch.context_T.numpy()[whole_T], batch.position_T.numpy()[whole_T]
    place = {(c, p): i for i, (c, p) in enumerate(zip(contexts.tolist(), positions.tolist(), strict=True))}
    mine_TF = np.zeros((len(contexts), pre_TF.shape[1]), np.float32)
    np.put_along_axis(mine_TF, top_TK[whole_T], acts_TK[whole_T], axis=1)
    theirs_TF = np.zeros_like(mine_TF)
    rows = [place[key] for key in zip(found["context_id"].tolist(), found["position"].tolist(), strict=True)]
    theirs_TF[rows, found["feature_id"]] = found["activation"]
    np.testing.assert_allclose(theirs_TF.sum(axis=1), mine_TF.sum(axis=1), rtol=1e-4)
    assert ((mine_TF > 0) != (theirs_TF > 0)).any(axis=1).mean() < 1e-3


def test_firings_maxima_and_densities(con):
    wrong = """
        with counted as (
            select feature_id, count(*) as n, max(activation)::double as strongest from code group by feature_id
        )
        select count(*) from feature as f left join counted as c using (feature_id)
        where f.n_firings <> coalesce(c.n, 0) or f.density <> coalesce(c.n, 0) / f.n_tokens
            or f.max_activation is distinct from c.strongest
    """
    assert one(con, wrong) == (0,)
    assert one(con, "select count(*) from feature") == (4096,)


def test_histograms(con):
    """Each activation is put into the bin whose printed edges hold it: lower < activation <= upper."""
    wrong = f"""
        with guessed as (
            select c.feature_id, c.activation::double as activation,
                least({BINS} - 1, greatest(0, ceil(c.activation::double / f.max_activation * {BINS}) - 1))::int as bin
            from code as c join feature as f using (feature_id)
        ), binned as (
            select g.feature_id, g.bin + (g.activation > h.upper)::int - (g.activation <= h.lower)::int as bin,
                count(*) as n
            from guessed as g join activation_histogram as h using (feature_id, bin) group by all
        )
        select sum(abs(coalesce(binned.n, 0) - coalesce(shown.n, 0)))::bigint
        from binned full join (select feature_id, bin, n from activation_histogram where n > 0) as shown
            using (feature_id, bin)
    """
    assert one(con, "select sum(n) from activation_histogram") == one(con, "select sum(n_firings) from feature")
    assert one(con, wrong) == (0,)


def test_top_examples_ties_included(con):
    """Twenty strongest, one a context, ties to the earlier token, by a full sort."""
    wrong = """
        with best as (
            select feature_id, context_id, position, activation from code
            qualify row_number() over (partition by feature_id, context_id order by activation desc, position) = 1
        ), top as (
            select *,
                row_number() over (partition by feature_id order by activation desc, context_id, position) - 1 as rank
            from best qualify rank < 20
        ), shown as (select feature_id, context_id, position, rank from example where kind = 'top')
        select count(*) from (
            (select feature_id, context_id, position, rank from top except select * from shown)
            union all (select * from shown except select feature_id, context_id, position, rank from top)
        )
    """
    assert one(con, wrong) == (0,)


def test_interval_examples_lie_in_their_interval_and_controls_are_silent(con):
    outside = """
        select count(*) from example join feature using (feature_id) where kind = 'interval'
            and not activation between max_activation * interval_index / 10 * (1 - 1e-9)
                and max_activation * (interval_index + 1) / 10 * (1 + 1e-9)
    """
    loud = "select count(*) from example where kind = 'control' and list_max(activations) > 0"
    assert one(con, outside) == (0,)
    assert one(con, loud) == (0,)
