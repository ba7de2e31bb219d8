"""The SAELens layout: what is written is read back bit for bit, and what is wrong with files is said."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from dictionaries import LEARNED, activations, random_dictionary
from planted import Pool, planted
from torch import Tensor

from models.dictionaries.architectures.neurons import NeuronDictionary
from models.dictionaries.base import SparseDictionary
from models.dictionaries.config import SAESettings
from models.dictionaries.saelens_format import Provenance, export, load, saelens_architecture
from models.training.config import TrainingSettings
from models.training.trainer import TrainedDictionary, train
from storage.folder import Folder


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> TrainedDictionary:
    pool = Pool(planted(4096, width=16, n_true=40, l0=4)[1] * 3 + 5)
    settings = TrainingSettings(tokens=30 * 128, batch_tokens=128)
    return train(
        SAESettings(n_features=64, k=4), settings, pool, Folder(str(tmp_path_factory.mktemp("c"))), lambda row: None
    )


@pytest.fixture
def home(tmp_path: Path, trained: TrainedDictionary) -> Path:
    origin = Provenance(model_name="toy", hook_name="resid_post.1", context_size=128, dataset="none", n_tokens=3840)
    names = export(trained.sae, Folder(str(tmp_path)), origin, trained.density_F)
    assert sorted(names) == sorted(path.name for path in tmp_path.iterdir())
    return tmp_path


def test_a_dictionary_read_back_codes_bit_for_bit_as_the_trained_one(home: Path, trained: TrainedDictionary) -> None:
    read = load(Folder(str(home)))
    x_TD = planted(500, width=16, n_true=40, l0=4, seed=1)[1] * 3 + 5
    found, wanted = read.encode(x_TD), trained.sae.encode(x_TD)
    assert torch.equal(found.features_TK, wanted.features_TK)
    assert torch.equal(found.acts_TK, wanted.acts_TK)
    assert torch.equal(read(x_TD), trained.sae(x_TD))


WRITTEN = [(name, crosses, skip) for name in LEARNED for crosses, skip in ((False, False), (True, False), (True, True))]


@pytest.mark.parametrize(("name", "crosses", "skip"), [*WRITTEN, ("neurons", False, False)])
def test_every_architecture_is_read_back_bit_for_bit(name: str, crosses: bool, skip: bool, tmp_path: Path) -> None:
    asked = NeuronDictionary.of(16) if name == "neurons" else random_dictionary(name, crosses=crosses, skip=skip)
    sae: SparseDictionary = asked.exported().requires_grad_(False)
    export(sae, Folder(str(tmp_path)), Provenance(architecture=name))
    read, x_TD = load(Folder(str(tmp_path))), activations()
    assert (type(read), read.crosses) == (type(sae), crosses)
    found, wanted = read.encode(x_TD), sae.encode(x_TD)
    assert torch.equal(found.features_TK, wanted.features_TK)
    assert torch.equal(found.acts_TK, wanted.acts_TK)
    assert torch.equal(read(x_TD), sae(x_TD))
    config = json.loads((tmp_path / "cfg.json").read_text())
    assert config["architecture"] == saelens_architecture(sae)
    assert config["metadata"]["training_architecture"] == name
    assert config["apply_b_dec_to_input"] is not crosses


def test_transcoders_have_the_names_that_saelens_has_for_them() -> None:
    def name_of(name: str, **kind: bool) -> str:
        return saelens_architecture(random_dictionary(name, **kind).exported())

    assert name_of("standard", crosses=True) == "transcoder"
    assert name_of("batchtopk", crosses=True) == "jumprelu_transcoder"
    assert name_of("jumprelu", crosses=True, skip=True) == "jumprelu_skip_transcoder"
    assert name_of("topk", crosses=True) == "topk_transcoder", "read as a transcoder it would lose its top-k"


def test_the_layout_is_that_of_saelens(home: Path, trained: TrainedDictionary) -> None:
    config = json.loads((home / "cfg.json").read_text())
    assert {key: config[key] for key in ("architecture", "d_in", "d_sae", "dtype", "k")} == {
        "architecture": "topk", "d_in": 16, "d_sae": 64, "dtype": "float32", "k": 4,
    }  # fmt: skip
    assert config["metadata"]["hook_name"] == "resid_post.1"
    weights = safetensors.torch.load_file(home / "sae_weights.safetensors")
    shapes = {name: tuple(tensor.shape) for name, tensor in weights.items()}
    assert shapes == {"W_enc": (16, 64), "W_dec": (64, 16), "b_enc": (64,), "b_dec": (16,)}
    torch.testing.assert_close(weights["W_dec"].norm(dim=1), torch.ones(64))
    sparsity_F = safetensors.torch.load_file(home / "sparsity.safetensors")["sparsity"]
    torch.testing.assert_close(10 ** sparsity_F.double(), trained.density_F.clamp_min(1e-10), rtol=1e-5, atol=0)


def test_without_a_configuration_there_is_no_dictionary(home: Path) -> None:
    (home / "cfg.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"holds no cfg\.json"):
        load(Folder(str(home)))


def change_weights(change: Callable[[dict[str, Tensor]], object]) -> Callable[[Path], None]:
    def spoil(home: Path) -> None:
        path = home / "sae_weights.safetensors"
        weights = safetensors.torch.load_file(path)
        change(weights)
        safetensors.torch.save_file({name: tensor.contiguous() for name, tensor in weights.items()}, path)

    return spoil


def change_config(**changes: Any) -> Callable[[Path], None]:
    def spoil(home: Path) -> None:
        config = json.loads((home / "cfg.json").read_text()) | changes
        (home / "cfg.json").write_text(json.dumps({key: value for key, value in config.items() if value is not None}))

    return spoil


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (change_weights(lambda w: w.pop("b_enc")), "lacks b_enc; it holds W_dec, W_enc, b_dec"),
        (
            change_weights(lambda w: w.update(W_skip=torch.zeros(2))),
            "holds W_skip, which such a dictionary does not have",
        ),
        (
            change_weights(lambda w: w.update(W_dec=w["W_dec"].T)),
            r"W_dec is \[16, 64\], .*\[64, 16\].* transposed",
        ),
        (change_weights(lambda w: w.update(b_dec=torch.zeros(17))), r"b_dec is \[17\], wanted \[16\]"),
        (change_weights(lambda w: w["b_enc"].fill_(float("nan"))), "b_enc holds NaN"),
        (change_config(d_in=32), r"W_dec is \[64, 16\], wanted \[64, 32\]"),
        (change_config(d_sae=None), "lacks d_sae"),
        (change_config(k=None), "lacks k"),
        (change_config(architecture="unheard"), "architecture 'unheard' is none"),
        (lambda home: (home / "cfg.json").write_text("{"), "is not JSON"),
        (lambda home: (home / "sae_weights.safetensors").unlink(), "is missing"),
        (lambda home: (home / "sae_weights.safetensors").write_bytes(b"\xff" * 20), "cut short or damaged"),
    ],
)
def test_what_is_wrong_with_the_files_is_said(home: Path, spoil: Callable[[Path], None], message: str) -> None:
    spoil(home)
    with pytest.raises(ValueError, match=message):
        load(Folder(str(home)))
