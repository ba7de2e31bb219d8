"""OpenAI's autoencoders of GPT-2: ReLU files are read; top-k files normalise each token and are refused."""

from pathlib import Path
from typing import Any

import pytest
import torch
from foreign_dense import D, F, activations, assert_same, double, random_weights
from torch import Tensor

from models.interchange.sae_import import fetch, read_foreign
from storage.folder import Folder

SHAPES = {"pre_bias": (D,), "encoder.weight": (F, D), "latent_bias": (F,), "decoder.weight": (D, F)}


def written(home: Path, name: str, tensors: dict[str, Tensor], **more: Any) -> Folder:
    """A state_dict as `Autoencoder.state_dict` gives it, with its statistics."""
    statistics = {"stats_last_nonzero": torch.zeros(F, dtype=torch.int64), "latents_mean_square": torch.zeros(F)}
    torch.save(tensors | statistics | {"latents_activation_frequency": torch.ones(F)} | more, home / name)
    return Folder(str(home))


def test_a_relu_file(tmp_path: Path) -> None:
    tensors, x_TD = random_weights(**SHAPES), activations()
    w = double(tensors)
    read = read_foreign(written(tmp_path, "8.pt", tensors, activation="ReLU", activation_state_dict={}))
    codes_TF = ((x_TD - w["pre_bias"]) @ w["encoder.weight"].T + w["latent_bias"]).clamp_min(0)
    assert_same(read, x_TD, codes_TF, codes_TF @ w["decoder.weight"].T + w["pre_bias"])
    assert (read.format, read.config["architecture"], read.facts) == ("openai", "standard", {"layer": 8})


def test_one_of_several_files_is_named(tmp_path: Path) -> None:
    first, second = ({name: tensor * n for name, tensor in random_weights(**SHAPES).items()} for n in (1, 2))
    folder = written(tmp_path, "0.pt", first)
    written(tmp_path, "1.pt", second)
    with pytest.raises(ValueError, match=r"holds 0.pt, 1.pt: name one file, as .*/<name>.pt"):
        read_foreign(folder)
    read = read_foreign(fetch(f"{tmp_path}/1.pt"))
    assert torch.equal(read.tensors["W_enc"], second["encoder.weight"].T)
    assert read.facts["layer"] == 1


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (
            {"activation": "TopK", "activation_state_dict": {"k": 32}},
            "is a TopK autoencoder, which normalises every token",
        ),
        ({"activation": "Identity"}, "the activation is 'Identity', wanted 'ReLU'"),
        ({"pre_bias": torch.ones(2, D)}, r"pre_bias is \[2, 8\], wanted a vector"),
        (
            {"latent_bias": torch.ones(F + 1)},
            r"encoder.weight is \[24, 8\], wanted \[25, 8\]|decoder.weight is \[8, 24\]",
        ),
        ({"decoder.weight": torch.ones(F, D)}, r"decoder.weight is \[24, 8\], wanted \[8, 24\]: it is transposed"),
        ({"decoder.bias": torch.ones(D)}, "holds decoder.bias, which such a dictionary does not have"),
    ],
)
def test_what_cannot_be_read_is_said(tmp_path: Path, more: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_foreign(written(tmp_path, "8.pt", random_weights(**SHAPES), **more))


def test_a_file_that_holds_something_else_is_said(tmp_path: Path) -> None:
    torch.save([1, 2], tmp_path / "8.pt")
    with pytest.raises(ValueError, match=r"8.pt holds a list, wanted a state_dict"):
        read_foreign(Folder(str(tmp_path)))
