"""A harvest that processes share is, file by file and fact by fact, the harvest of one process."""

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tiny_models import save_tiny

from models.activations import harvest as harvesting
from models.activations.harvest import harvest
from models.activations.harvest_by_rank import REFERENCE, HarvestingProcess, SharedHarvest
from models.corpora.contexts import TokenizedCorpus, tokenize_into_contexts
from models.corpora.corpus_writer import write_corpus
from models.corpora.documents import Document
from models.corpora.token_filter import TokenFilter
from models.language_model.hooked_model import HookedModel
from models.language_model.sites import Site
from storage.folder import Folder

SITES = (Site.parse("resid_post.0"), Site.parse("mlp_act.1"))
MAX_NORM = 1.2
"""So low that some rows are left out."""


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    return HookedModel.load(str(save_tiny("gpt2", tmp_path_factory.mktemp("model"))), device="cpu")


@pytest.fixture(autouse=True)
def small_shards(monkeypatch):
    monkeypatch.setattr(harvesting, "SHARD_TOKENS", 96)


@pytest.fixture(scope="module")
def contexts(tmp_path_factory, host):
    texts = [" ".join(f"word{(i * j) % 7}" for j in range(3 * i + 2)) for i in range(12)]
    folder = Folder(str(tmp_path_factory.mktemp("corpus")))
    rows = tokenize_into_contexts([Document(f"d{i}", t) for i, t in enumerate(texts)], host.tokenizer, 12, 10**6)
    write_corpus(folder, rows, {}, TokenFilter.of(host.tokenizer), source="test", context_length=12)
    return TokenizedCorpus.open(folder)


@pytest.fixture
def whole(tmp_path, host, contexts):
    made = harvest(host, contexts, outputs(tmp_path / "whole"), {"corpus_id": "c"}, max_norm=MAX_NORM)
    assert any(manifest.facts["profile"]["n_outliers"] for manifest in made.values())
    return made


def outputs(root: Path):
    return {site: (Folder(str(root)) / str(site), {"site": str(site)}) for site in SITES}


def process(root: Path, host, contexts) -> HarvestingProcess:
    shared = SharedHarvest(contexts, outputs(root), Folder(str(root / "records")), "bfloat16")
    return HarvestingProcess(shared, host, MAX_NORM)


def bytes_of(root: Path) -> dict[str, str]:
    files = [path for site in SITES for path in (root / str(site)).iterdir() if path.name != "_manifest.json"]
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_shards_of_three_processes_are_those_of_one(tmp_path, host, contexts, whole):
    ranks = [process(tmp_path / "shared", host, contexts) for _ in range(3)]
    n = ranks[0].n_units
    assert n > 4
    for unit in reversed(range(n)):
        assert not ranks[0].is_done(unit)
        ranks[unit % 3].do(unit)
        assert ranks[0].is_done(unit)
    assert ranks[0].shared.finish({"corpus_id": "c"}) == whole
    assert bytes_of(tmp_path / "shared") == bytes_of(tmp_path / "whole")


def test_deleted_and_cut_shards_are_named_and_only_they_are_made_again(tmp_path, host, contexts, whole, monkeypatch):
    one = process(tmp_path / "shared", host, contexts)
    for unit in range(one.n_units):
        one.do(unit)
    for unit in range(0, one.n_units, 2):
        (tmp_path / "shared" / str(SITES[0]) / harvesting.shard_name(unit)).unlink()
    cut = tmp_path / "shared" / str(SITES[1]) / harvesting.shard_name(1)
    cut.write_bytes(cut.read_bytes()[:-1])
    missing = [unit for unit in range(one.n_units) if not one.is_done(unit)]
    assert missing == sorted({1, *range(0, one.n_units, 2)})
    with pytest.raises(ValueError, match=f"shard 0 of {one.n_units} is not there"):
        one.shared.finish({})
    cut.unlink()
    passes = []
    read = host.forward
    monkeypatch.setattr(host, "forward", lambda *a, **k: passes.append(1) or read(*a, **k))
    for unit in missing:
        one.do(unit)
    assert len(passes) == len(missing), "one pass of the model for each, and no further one for the reference"
    assert one.shared.finish({"corpus_id": "c"}) == whole
    assert bytes_of(tmp_path / "shared") == bytes_of(tmp_path / "whole")


def test_a_shard_that_was_cut_at_another_limit_is_made_again(tmp_path, host, contexts, whole):
    """Two processes that measured the reference at once, on machines whose arithmetic differs."""
    late = process(tmp_path / "shared", host, contexts)
    late.do(0)
    (tmp_path / "shared" / "records" / REFERENCE).unlink()
    other = replace(process(tmp_path / "shared", host, contexts), max_norm=1.1)
    other.do(1)
    assert not late.is_done(0)
    assert other.is_done(1)


def test_records_are_read_without_the_model(tmp_path, host, contexts, whole):
    one = process(tmp_path / "shared", host, contexts)
    for unit in range(one.n_units):
        one.do(unit)
    shared = SharedHarvest(contexts, outputs(tmp_path / "shared"), Folder(str(tmp_path / "shared/records")), "bfloat16")
    manifests = shared.finish({"corpus_id": "c"})
    assert manifests == whole
    assert torch.tensor([manifest.rows for manifest in manifests.values()]).min() > 0
