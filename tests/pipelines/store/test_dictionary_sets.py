"""Dictionaries of several blocks come from one reading, are found by the other partitions, and open as one set."""

from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import torch
from small_house import RECIPE, small_house

from models.dictionaries.transcoder_set import TranscoderSet
from models.evaluation.dictionary_metrics import EvaluationInput, evaluate_dictionary
from pipelines.interchange.transcoder_export import export_transcoder
from pipelines.registry.registry import SAERegistration
from pipelines.runs.in_process import _run
from pipelines.store.dictionary_sets import make_set, transcoders_of
from pipelines.store.model_loading import load_model
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
    made = make_set(house, first, lambda sae_id, row: rows.update({sae_id: row.tokens}))
    assert (made, rows) == (["first/small.0", "first/small.1"], {"first/small.0": 4096})
    assert make_set(house, second, lambda sae_id, row: pytest.fail("trained again")) == []
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
    make_set(house, house.registration("first/small.0"), lambda sae_id, row: None)
    lost = house.registration("first/small.1")
    before = house.datasets.dictionary(lost).tensors()
    house.layout.sae(lost).remove()
    assert make_set(house, lost, lambda sae_id, row: None) == ["first/small.1"]
    after = house.datasets.dictionary(lost).tensors()
    assert all(torch.equal(before[name], t) for name, t in after.items())


def test_transcoders_of_single_blocks_are_a_set_too(house: Store) -> None:
    made = make_set(house, house.registration("first/within.1"), lambda sae_id, row: None)
    assert made == ["first/within.0", "first/within.1"]
    transcoders = transcoders_of(house, "first", "within")
    assert [transcoders.written_layers(block) for block in transcoders.layers] == [(0,), (1,)]


def test_a_block_is_measured_with_what_earlier_ones_write(house: Store) -> None:
    """FVU by hand, of stored activations, against splicing into the model; and all blocks at once."""
    first, last = (house.registration(f"first/small.{block}") for block in (0, 1))
    make_set(house, first, lambda sae_id, row: None)
    transcoders = transcoders_of(house, "first", "small")
    rows = {row["metric"]: row["value"] for row in measured(house, last, transcoders)}
    manifest = Manifest.read(house.layout.sae(last))
    assert manifest is not None
    assert rows["fvu"] == pytest.approx(manifest.facts["calibration"]["exported"]["fvu"], rel=0.05)
    assert "ce_with_set" not in rows
    of_first = {row["metric"]: row["value"] for row in measured(house, first, transcoders)}
    assert of_first.keys() >= {"ce_with_set", "ce_set_mean_ablated", "ce_recovered_by_set", "kl_with_set"}
    assert of_first["kl_with_set"] > 0


def measured(house: Store, registration: SAERegistration, transcoders: TranscoderSet) -> list[dict[str, Any]]:
    trained = house.datasets.trained(registration)
    of = load_model(registration), house.datasets.dictionary(registration), house.datasets.contexts(trained)
    return evaluate_dictionary(
        EvaluationInput.of(*of, trained.facts, transcoders), registration.recipe.statistics
    ).to_pylist()


def test_what_goes_out_to_circuit_tracer_comes_in_again(house: Store, tmp_path: Path) -> None:
    make_set(house, house.registration("first/small.0"), lambda sae_id, row: None)
    export_transcoder(house, "first", "small", str(tmp_path))
    recipes = Path(house.registry_folder.path) / "recipes"
    card = f"site: mlp_in.*\nlayers: 0-1\nsae: {{import: {tmp_path}, output_site: mlp_out.*}}\n"
    (recipes / "again.yaml").write_text(card)
    (recipes / "half.yaml").write_text(card.replace("0-1", "[0]"))
    assert make_set(house, house.registration("first/again.1"), lambda sae_id, row: None) == [
        "first/again.0",
        "first/again.1",
    ]
    for block in (0, 1):
        ours, theirs = (
            house.datasets.dictionary(house.registration(f"first/{name}.{block}")).tensors()
            for name in ("small", "again")
        )
        assert ours.keys() == theirs.keys()
        assert all(torch.equal(theirs[name], t) for name, t in ours.items())
    with pytest.raises(ValueError, match=r"writes besides its own the blocks \[1\].*give all blocks of the transcoder"):
        make_set(house, house.registration("first/half.0"), lambda sae_id, row: None)
    make_set(house, house.registration("first/within.0"), lambda sae_id, row: None)
    with pytest.raises(ValueError, match="first/within writes each block by itself"):
        export_transcoder(house, "first", "within", str(tmp_path))
