"""What is stored is what the plain model computes, however the harvest was batched, padded or interrupted."""

import pytest
import torch
from tiny_models import save_tiny

from models import harvest as harvesting
from models.contexts import Contexts, cut, write_contexts
from models.documents import Document
from models.folder import Folder
from models.harvest import NonFiniteActivations, harvest, padded_batches
from models.host import Host
from models.shards import Shards
from models.sites import Site

SITES = (Site.parse("resid_post.0"), Site.parse("mlp_act.1"))


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    return Host.load(str(save_tiny("gpt2", tmp_path_factory.mktemp("model"))), device="cpu")


@pytest.fixture(autouse=True)
def small_shards(monkeypatch):
    monkeypatch.setattr(harvesting, "SHARD_TOKENS", 96)
    monkeypatch.setattr(harvesting, "BATCH_TOKENS", 40)


@pytest.fixture
def contexts(tmp_path, host):
    texts = [" ".join(f"word{(i * j) % 7}" for j in range(3 * i + 2)) for i in range(12)]
    folder = Folder(str(tmp_path / "corpus"))
    documents = [Document(f"d{i}", text) for i, text in enumerate(texts)]
    identity = {"source": "test", "context_length": 12}
    write_contexts(folder, cut(documents, host.tokenizer, 12, 10**6), identity, set(host.tokenizer.all_special_ids))
    return Contexts.open(folder)


def outputs(root, dtype="float32"):
    return {site: (Folder(str(root)) / str(site), {"dtype": dtype, "site": str(site)}) for site in SITES}


def test_stored_vectors_are_the_plain_models_hidden_states(tmp_path, host, contexts):
    harvest(host, contexts, outputs(tmp_path), {"corpus_id": "c"})
    shards = Shards.open(Folder(str(tmp_path / "resid_post.0")))
    stored = list(shards.batches(1000))

    wanted, where = [], []
    for context in contexts:
        ids = torch.tensor(context.token_ids.tolist())[None]
        with torch.no_grad():
            hidden = host.model(ids, output_hidden_states=True).hidden_states[1][0]
        for position, token in enumerate(ids[0].tolist()):
            if token not in contexts.special_ids:
                wanted.append(hidden[position])
                where.append((context.context_id, position, token))
    assert len(shards.manifest.files) > 3
    assert [
        tuple(row)
        for b in stored
        for row in zip(b.context_T.tolist(), b.position_T.tolist(), b.token_T.tolist(), strict=True)
    ] == where
    torch.testing.assert_close(torch.cat([b.x_TD for b in stored]), torch.stack(wanted), rtol=1e-5, atol=1e-5)
    assert shards.manifest.facts == {"corpus_id": "c", "width": shards.width, "site": "resid_post.0"}


@pytest.mark.parametrize("stop_after", [1, 2, 4])
def test_an_interrupted_harvest_ends_as_an_uninterrupted_one(tmp_path, host, contexts, stop_after, monkeypatch):
    whole = harvest(host, contexts, outputs(tmp_path / "whole"), {})

    def stop(done, total, seen=[]):  # noqa: B006
        seen.append(done)
        if len(seen) == stop_after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        harvest(host, contexts, outputs(tmp_path / "twice"), {}, stop)
    assert all(not folder.exists("_manifest.json") for folder, _ in outputs(tmp_path / "twice").values())
    passes = []
    monkeypatch.setattr(harvesting, "read_sites", lambda *a, read=harvesting.read_sites: passes.append(1) or read(*a))
    assert harvest(host, contexts, outputs(tmp_path / "twice"), {}) == whole
    assert len(passes) < len(whole[SITES[0]].files)


def test_shards_of_another_identity_are_not_reused(tmp_path, host, contexts):
    harvest(host, contexts, outputs(tmp_path), {})
    for folder, _ in outputs(tmp_path).values():
        folder.remove("_manifest.json")
    made = harvest(host, contexts, outputs(tmp_path, "bfloat16"), {})
    assert {file.bytes for file in made[SITES[0]].files}
    assert Shards.open(Folder(str(tmp_path / "resid_post.0"))).dtype == torch.bfloat16


def test_nan_is_named_and_nothing_of_the_shard_is_kept(tmp_path, host, contexts):
    def spoil(x_BPD):
        x_BPD[:, 5] = float("nan")
        return x_BPD

    with (
        host.editing(Site.parse("resid_post.0"), spoil),
        pytest.raises(NonFiniteActivations, match=r"mlp_act.1|resid_post.0 holds NaN or Inf at \d+ of"),
    ):
        harvest(host, contexts, outputs(tmp_path), {})
    assert all(folder.names() == [] for folder, _ in outputs(tmp_path).values())


def test_overflow_of_the_stored_dtype_is_named(tmp_path, host, contexts):
    with (
        host.editing(Site.parse("resid_post.0"), lambda x: x * 1e6),
        pytest.raises(NonFiniteActivations, match=r"stored as torch\.float16"),
    ):
        harvest(host, contexts, outputs(tmp_path, "float16"), {})


def test_batches_hold_every_content_token_once(contexts):
    shard = contexts.shard(0)
    batches = list(padded_batches(shard, contexts.special_ids, 40))
    rows = torch.cat([b.rows_T for b in batches])
    assert sorted(rows.tolist()) == list(range(contexts.manifest.facts["n_tokens"]))
    assert all(int(b.content_BP.sum()) == len(b.rows_T) and b.token_ids_BP.numel() <= 40 for b in batches)
