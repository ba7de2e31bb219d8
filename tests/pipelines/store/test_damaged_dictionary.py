"""A dictionary of the store that is not as it was written is used by nobody: every reader names the damaged file."""

import json
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pytest
import safetensors.torch
from small_house import copied_house

from assets.activations import activations
from assets.context_frame import context_frame
from assets.corpus import corpus
from assets.feature_matches import feature_matches
from assets.feature_statistics import feature_statistics
from assets.logit_effects import logit_effects
from assets.neighbors import neighbors
from assets.sae import sae
from assets.sae_evaluation import sae_evaluation
from pipelines.interchange.import_export import export_dictionary
from pipelines.serving.model_hosts import CannotRunModel, ModelHosts
from pipelines.serving.text_features import TextRequest, text_features
from pipelines.store.import_provenance import read_import
from pipelines.store.store import Store
from storage.manifest import DamagedFile

NAME = "first/small"
READERS = [sae_evaluation, feature_statistics, logit_effects, neighbors, feature_matches]


@pytest.fixture
def house(made_house: Path, tmp_path: Path) -> Store:
    """A copy that may be damaged."""
    return copied_house(made_house, tmp_path)


def flipped_bit(folder: Path) -> None:
    path = folder / "sae_weights.safetensors"
    content = bytearray(path.read_bytes())
    content[-401] ^= 4
    path.write_bytes(content)


def flipped_signs(folder: Path) -> None:
    path = folder / "sae_weights.safetensors"
    tensors = safetensors.torch.load_file(path)
    tensors["W_enc"][:, ::2] *= -1
    safetensors.torch.save_file(tensors, path)


def smaller_k(folder: Path) -> None:
    config = json.loads((folder / "cfg.json").read_text())
    (folder / "cfg.json").write_text(json.dumps(config | {"k": 3}))


def other_weights(folder: Path) -> None:
    """Whole and well-formed, but of another dictionary."""
    path = folder / "sae_weights.safetensors"
    tensors = {name: tensor.flip(0) for name, tensor in safetensors.torch.load_file(path).items()}
    safetensors.torch.save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path)


DAMAGES: list[tuple[Callable[[Path], None], str]] = [
    (flipped_bit, "sae_weights.safetensors"),
    (flipped_signs, "sae_weights.safetensors"),
    (other_weights, "sae_weights.safetensors"),
    (smaller_k, "cfg.json"),
]


@pytest.mark.parametrize(("damage", "file"), DAMAGES, ids=[damage.__name__ for damage, _ in DAMAGES])
def test_no_reader_takes_a_damaged_dictionary(house: Store, damage: Callable[[Path], None], file: str):
    registration = house.registration(NAME)
    assert house.datasets.dictionary(registration).n_features == 64, "whole, and compared once in this process"
    asked = TextRequest("first", "total_1 = item_2 + step_3", ("small",))
    assert text_features(ModelHosts(house), asked).tokens
    damage(Path(house.layout.sae(registration).path))
    said = rf"saes/first/small/{file} has sha256 .* was written: delete"
    with pytest.raises(DamagedFile, match=said):
        house.datasets.dictionary(registration)
    with pytest.raises(CannotRunModel, match=said):
        text_features(ModelHosts(house), asked)
    (Path(str(house.registry)) / "recipes" / "imported.yaml").write_text(
        f"site: resid_post.@0.5\nsae: {{import: {house.layout.sae(registration).url}}}\n"
    )
    with pytest.raises(DamagedFile, match=said):
        read_import(house.registration("first/imported"))


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.key.to_user_string())
def test_no_asset_takes_a_damaged_dictionary(house: Store, reader: dg.AssetsDefinition):
    registration = house.registration(NAME)
    flipped_bit(Path(house.layout.sae(registration).path))
    for table in ("sae_metric", "logit_effect", "logit_shape", "neighbor", "feature_match", "feature"):
        if table != "feature" or reader is feature_statistics:
            house.layout.table(table, registration).remove()
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("sae", [NAME])
        chain = [context_frame, corpus, activations, sae, feature_statistics, *({reader} - {feature_statistics})]
        ran = dg.materialize(
            chain,
            selection=[reader],
            partition_key=NAME,
            instance=instance,
            resources={"store": house},
            raise_on_error=False,
        )
        [failure] = ran.get_step_failure_events()
    error = failure.step_failure_data.error
    assert error
    assert "DamagedFile" in error.message
    assert "saes/first/small/sae_weights.safetensors has sha256" in error.message


@pytest.mark.parametrize("table", ["model", "sae", "feature", "example"])
def test_no_reader_takes_a_damaged_table(house: Store, table: str):
    keys = {"model_id": "first"} | ({} if table == "model" else {"recipe_id": "small"})
    folder = house.layout.table_at(table, **keys)
    [name] = [name for name in folder.names() if name.endswith(".parquet")]
    path = Path(folder.path) / name
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 1
    path.write_bytes(content)
    with pytest.raises(DamagedFile, match=f"{name} has sha256"):
        house.tables.read_rows(folder)
    with pytest.raises(DamagedFile, match=f"{name} has sha256"):
        export_dictionary(house, "first", "small", "neuronpedia", str(Path(str(house.home)) / "out"))


def test_a_damaged_corpus_is_not_read(house: Store):
    contexts = house.datasets.contexts(house.datasets.trained(house.registration(NAME)))
    assert contexts.shard(0)
    path = Path(contexts.folder.path) / contexts.manifest.files[0].name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(DamagedFile, match="has sha256"):
        contexts.shard(0)


def test_only_one_place_loads_a_stored_dictionary():
    """Others ask it, so that no dictionary is read past its manifest; what writes one reads it back itself."""
    root = Path(__file__).resolve().parents[3]
    loading = [
        str(path.relative_to(root))
        for room in ("assets", "pipelines", "web", "models")
        for path in sorted((root / room).rglob("*.py"))
        if any("saelens_format import" in line and "load" in line for line in path.read_text().splitlines())
    ]
    assert loading == ["pipelines/store/build_dictionary.py", "pipelines/store/stored_dictionary.py"]
