"""Dictionaries of several blocks come from one reading, are found by the other partitions, and open as one set."""

from pathlib import Path

import dagster as dg
import pytest
import torch
from small_house import RECIPE, small_house

from pipelines.runs.in_process import _run
from pipelines.store.dictionary_sets import train_set, transcoders_of
from pipelines.store.store import Store
from storage.manifest import Manifest

BLOCKS = RECIPE.replace("resid_post.@0.5", "mlp_in.*\n    layers: 0-1").replace("16_384", "4_096")
ACROSS = BLOCKS.replace("topk, n_features: 64", "cross_layer_transcoder, n_features: 32, output_site: mlp_out.*")
WITHIN = BLOCKS.replace("topk, n_features: 64", "batchtopk, n_features: 32, output_site: mlp_out.*")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Activations at all sites of two sets."""
    store = small_house(tmp_path_factory.mktemp("sets"), ACROSS)
    (Path(store.registry_folder.path) / "recipes" / "within.yaml").write_text(WITHIN.replace("\n    ", "\n").lstrip())
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("sae", store.cards().sae_ids())
        ran = _run(store, "harvest", instance, "harvest", "first/small.0")
    assert (ran.success, ran.error) == (True, None)
    return store


def test_the_first_partition_trains_all_and_the_others_find_theirs(house: Store) -> None:
    rows: dict[str, int] = {}
    first, second = (house.registration(f"first/small.{block}") for block in (0, 1))
    made = train_set(house, first, lambda sae_id, row: rows.update({sae_id: row.tokens}))
    assert (made, rows) == (["first/small.0", "first/small.1"], {"first/small.0": 4096})
    assert train_set(house, second, lambda sae_id, row: pytest.fail("trained again")) == []
    assert not (house.layout.sae(first) / "checkpoint").names()
    curves = [house.tables.read("sae_training", one).to_pydict()["fvu"] for one in (first, second)]
    assert curves[0] != curves[1], "each block has a curve of its own"
    transcoders = transcoders_of(house, "first", "small")
    assert [transcoders.written_layers(block) for block in transcoders.layers] == [(0, 1), (1,)]
    manifest = Manifest.read(house.layout.sae(first))
    assert manifest is not None
    assert manifest.facts["agree"]
    assert manifest.facts["calibration"]["exported"]["l0"] == pytest.approx(4, rel=0.05)
    assert "later_decoders.safetensors" in {file.name for file in manifest.files}


def test_a_block_that_is_lost_is_made_again_as_it_was(house: Store) -> None:
    train_set(house, house.registration("first/small.0"), lambda sae_id, row: None)
    lost = house.registration("first/small.1")
    before = house.datasets.dictionary(lost).tensors()
    house.layout.sae(lost).remove()
    assert train_set(house, lost, lambda sae_id, row: None) == ["first/small.1"]
    after = house.datasets.dictionary(lost).tensors()
    assert all(torch.equal(before[name], t) for name, t in after.items())


def test_transcoders_of_single_blocks_are_a_set_too(house: Store) -> None:
    made = train_set(house, house.registration("first/within.1"), lambda sae_id, row: None)
    assert made == ["first/within.0", "first/within.1"]
    transcoders = transcoders_of(house, "first", "within")
    assert [transcoders.written_layers(block) for block in transcoders.layers] == [(0,), (1,)]
