"""What is stored is what the plain model computes, however the harvest was batched, padded or interrupted."""

import pytest
import torch
from tiny_models import save_tiny

from models.activations import harvest as harvesting
from models.activations.dominance import dominance_sentences
from models.activations.harvest import harvest
from models.activations.shards import ActivationShards
from models.activations.site_reading import NonFiniteActivations, padded_batches
from models.corpora.contexts import TokenizedCorpus, tokenize_into_contexts
from models.corpora.corpus_writer import write_corpus
from models.corpora.documents import Document
from models.corpora.token_filter import TokenFilter
from models.language_model.hooked_model import HookedModel
from models.language_model.sites import Site
from storage.folder import Folder

SITES = (Site.parse("resid_post.0"), Site.parse("mlp_act.1"))


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    return HookedModel.load(str(save_tiny("gpt2", tmp_path_factory.mktemp("model"))), device="cpu")


@pytest.fixture(autouse=True)
def small_shards(monkeypatch):
    monkeypatch.setattr(harvesting, "SHARD_TOKENS", 96)
    monkeypatch.setattr("models.activations.site_reading.BATCH_TOKENS", 40)


@pytest.fixture
def contexts(tmp_path, host):
    texts = [" ".join(f"word{(i * j) % 7}" for j in range(3 * i + 2)) for i in range(12)]
    folder = Folder(str(tmp_path / "corpus"))
    documents = [Document(f"d{i}", text) for i, text in enumerate(texts)]
    write_corpus(
        folder,
        tokenize_into_contexts(documents, host.tokenizer, 12, 10**6),
        {},
        TokenFilter.of(host.tokenizer),
        source="test",
        context_length=12,
    )
    return TokenizedCorpus.open(folder)


def outputs(root, dtype="float32"):
    return {site: (Folder(str(root)) / str(site), {"dtype": dtype, "site": str(site)}) for site in SITES}


def test_stored_vectors_are_the_plain_models_hidden_states(tmp_path, host, contexts):
    harvest(host, contexts, outputs(tmp_path), {"corpus_id": "c"}, dtype="float32")
    shards = ActivationShards.open(Folder(str(tmp_path / "resid_post.0")))
    stored = list(shards.batches(1000))

    wanted, where = [], []
    for context in contexts:
        ids = torch.tensor(context.token_ids.tolist())[None]
        with torch.no_grad():
            hidden = host.model(ids, output_hidden_states=True).hidden_states[1][0]
        for position, token in enumerate(ids[0].tolist()):
            if token not in contexts.token_filter.special_ids:
                wanted.append(hidden[position])
                where.append((context.context_id, position, token))
    assert len(shards.manifest.files) > 3
    assert [
        tuple(row)
        for b in stored
        for row in zip(b.context_T.tolist(), b.position_T.tolist(), b.token_T.tolist(), strict=True)
    ] == where
    torch.testing.assert_close(torch.cat([b.x_TD for b in stored]), torch.stack(wanted), rtol=1e-5, atol=1e-5)
    facts = shards.manifest.facts
    assert (facts["corpus_id"], facts["width"], facts["site"]) == ("c", shards.width, "resid_post.0")
    assert (facts["norm_limit"], facts["rounding_share"], facts["profile"]["n_tokens"]) == (None, 0, shards.n_tokens)


@pytest.mark.parametrize("stop_after", [6, 9, 16])
def test_an_interrupted_harvest_ends_as_an_uninterrupted_one(tmp_path, host, contexts, stop_after, monkeypatch):
    whole = harvest(host, contexts, outputs(tmp_path / "whole"), {}, dtype="float32")

    def stop(done, total, seen=[]):  # noqa: B006
        seen.append(done)
        if len(seen) == stop_after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        harvest(host, contexts, outputs(tmp_path / "twice"), {}, stop, dtype="float32")
    assert all(not folder.exists("_manifest.json") for folder, _ in outputs(tmp_path / "twice").values())
    passes = []
    monkeypatch.setattr(
        harvesting, "capture_sites", lambda *a, read=harvesting.capture_sites: passes.append(1) or read(*a)
    )
    assert harvest(host, contexts, outputs(tmp_path / "twice"), {}, dtype="float32") == whole
    assert len(passes) < len(whole[SITES[0]].files)


def test_shards_of_another_identity_are_not_reused(tmp_path, host, contexts):
    harvest(host, contexts, outputs(tmp_path), {}, dtype="float32")
    for folder, _ in outputs(tmp_path).values():
        folder.remove("_manifest.json")
    made = harvest(host, contexts, outputs(tmp_path, "bfloat16"), {}, dtype="bfloat16")
    assert {file.bytes for file in made[SITES[0]].files}
    assert ActivationShards.open(Folder(str(tmp_path / "resid_post.0"))).dtype == torch.bfloat16


def test_nan_is_named_and_nothing_of_the_shard_is_kept(tmp_path, host, contexts):
    def spoil(x_BPD):
        x_BPD[:, 5] = float("nan")
        return x_BPD

    with (
        host.intervene({Site.parse("resid_post.0"): spoil}),
        pytest.raises(NonFiniteActivations, match=r"mlp_act.1|resid_post.0 holds NaN or Inf at \d+ of"),
    ):
        harvest(host, contexts, outputs(tmp_path), {}, dtype="float32")
    assert all(folder.names() == [] for folder, _ in outputs(tmp_path).values())


def test_overflow_of_the_stored_dtype_is_named(tmp_path, host, contexts):
    with (
        host.intervene({Site.parse("resid_post.0"): lambda x: x * 1e6}),
        pytest.raises(NonFiniteActivations, match=r"stored as torch\.float16"),
    ):
        harvest(host, contexts, outputs(tmp_path, "float16"), {}, dtype="float16")


def test_batches_hold_every_content_token_once(contexts):
    shard = contexts.shard(0)
    batches = list(padded_batches(shard, contexts.token_filter, 40))
    rows = torch.cat([b.rows_T for b in batches])
    assert sorted(rows.tolist()) == list(range(contexts.manifest.facts["n_tokens"]))
    assert all(int(b.read_BP.sum()) == len(b.rows_T) and b.token_ids_BP.numel() <= 40 for b in batches)


def test_skipped_tokens_and_outliers_have_no_row_and_are_counted(tmp_path, host, contexts):
    """A position that is made long is left out for its norm; what is stored is the rest, in order, and its profile."""

    def lengthen(x_BPD):
        x_BPD[:, 4] *= 1e4
        return x_BPD

    harvest(host, contexts, outputs(tmp_path / "plain"), {}, dtype="float32")
    with host.intervene({SITES[0]: lengthen}):
        harvest(host, contexts, outputs(tmp_path / "cut"), {}, max_norm=10.0, dtype="float32")
    plain, cut_out = (ActivationShards.open(Folder(str(tmp_path / name / "resid_post.0"))) for name in ("plain", "cut"))
    whole, rest = next(plain.batches(10**6)), next(cut_out.batches(10**6))
    kept = whole.position_T != 4
    assert torch.equal(rest.position_T, whole.position_T[kept])
    assert torch.equal(rest.x_TD, whole.x_TD[kept])
    profile = cut_out.manifest.facts["profile"]
    n_at_4 = sum(len(context.token_ids) > 4 for context in contexts)
    assert profile["n_outliers"] == n_at_4 > 0
    assert [row["n_outliers"] for row in profile["positions"] if row["position_first"] == 4] == [n_at_4]
    assert [sentence for sentence in dominance_sentences(profile) if sentence.startswith("position 4 has")]
    assert cut_out.n_tokens + n_at_4 == plain.n_tokens


def test_the_profile_of_a_harvest_is_that_of_its_rows(tmp_path, host, contexts):
    manifest = harvest(host, contexts, outputs(tmp_path, "bfloat16"), {}, dtype="bfloat16")[SITES[0]]
    stored = list(ActivationShards.open(Folder(str(tmp_path / "resid_post.0"))).batches(10**6))
    x_TD, position_T = torch.cat([b.x_TD for b in stored]).double(), torch.cat([b.position_T for b in stored])
    square_T = (x_TD - x_TD.mean(dim=0)).square().sum(dim=1)
    profile = manifest.facts["profile"]
    assert profile["n_tokens"] == len(x_TD)
    assert profile["variance"] == pytest.approx(float(square_T.mean()), rel=0.05), "the mean of a sample"
    for row in profile["positions"]:
        here_T = (position_T >= row["position_first"]) & (position_T <= row["position_last"])
        assert row["n_tokens"] == int(here_T.sum())
        assert row["mean_norm"] == pytest.approx(float(x_TD[here_T].norm(dim=1).mean()), rel=1e-5)
        assert row["variance_share"] == pytest.approx(float(square_T[here_T].sum() / square_T.sum()), abs=0.02)
    exact = harvest(host, contexts, outputs(tmp_path / "exact"), {}, dtype="float32")[SITES[0]]
    raw_TD = torch.cat(
        [b.x_TD for b in ActivationShards.open(Folder(str(tmp_path / "exact" / "resid_post.0"))).batches(10**6)]
    )
    error = (raw_TD - raw_TD.bfloat16().float()).square().sum(dim=1).mean()
    assert exact.facts["rounding_share"] == 0
    wanted = float(error) / profile["variance"]
    assert manifest.facts["rounding_share"] == pytest.approx(wanted, rel=1e-3)


def test_shards_that_are_not_written_ahead_are_the_same(tmp_path, host, contexts, monkeypatch):
    harvest(host, contexts, outputs(tmp_path / "ahead"), {"corpus_id": "c"})
    monkeypatch.setattr(harvesting, "WRITE_AHEAD_BYTES", 0)
    harvest(host, contexts, outputs(tmp_path / "waiting"), {"corpus_id": "c"})
    found = [
        {path.relative_to(tmp_path / name): path.read_bytes() for path in (tmp_path / name).rglob("*.parquet")}
        for name in ("ahead", "waiting")
    ]
    assert len(found[0]) > 4
    assert found[0] == found[1]
