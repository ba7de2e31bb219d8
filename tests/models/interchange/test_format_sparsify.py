"""sparsify: top-k autoencoders and transcoders, whose decoder lies as ours does while the encoder is a linear layer."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from foreign_dense import D, F, activations, assert_same, double, random_weights, save, top_k
from torch import Tensor

from models.interchange.sae_import import read_foreign
from storage.folder import Folder

K = 4
SHAPES = {"encoder.weight": (F, D), "encoder.bias": (F,), "W_dec": (F, D), "b_dec": (D,)}


def written(run: Path, tensors: dict[str, Tensor], **config: Any) -> Folder:
    """A run's folder of one hook point, beneath the run's own configuration."""
    full = {"activation": "topk", "expansion_factor": 3, "normalize_decoder": True, "num_latents": 0, "k": K}
    full |= {"multi_topk": False, "skip_connection": False, "transcode": False, "d_in": D}
    folder = save(run / "layers.5.mlp", "cfg.json", full | config, "sae.safetensors", tensors)
    run_config = {"model": "EleutherAI/pythia-160m", "dataset": "pile", "ctx_len": 2048}
    (run / "config.json").write_text(json.dumps(run_config))
    return Folder(str(folder))


def coded(tensors: dict[str, Tensor], x_TD: Tensor) -> Tensor:
    return top_k(x_TD @ tensors["encoder.weight"].double().T + tensors["encoder.bias"].double(), K)


@pytest.mark.parametrize("num_latents", [0, F])
def test_an_autoencoder_subtracts_its_bias(tmp_path: Path, num_latents: int) -> None:
    tensors, x_TD = random_weights(**SHAPES), activations()
    w = double(tensors)
    read = read_foreign(written(tmp_path, tensors, num_latents=num_latents))
    codes_TF = coded(tensors, x_TD - w["b_dec"])
    assert_same(read, x_TD, codes_TF, codes_TF @ w["W_dec"] + w["b_dec"])
    assert (read.format, read.config["architecture"], read.config["k"]) == ("sparsify", "topk", K)
    assert read.facts == {
        "model_name": "EleutherAI/pythia-160m", "hook_name": "layers.5.mlp", "layer": 5, "context_size": 2048,
        "dataset": "pile",
    }  # fmt: skip


def test_a_transcoder_does_not(tmp_path: Path) -> None:
    tensors, x_TD = random_weights(**SHAPES), activations()
    w = double(tensors)
    read = read_foreign(written(tmp_path, tensors, transcode=True))
    codes_TF = coded(tensors, x_TD)
    assert_same(read, x_TD, codes_TF, codes_TF @ w["W_dec"] + w["b_dec"])
    assert read.config["architecture"] == "transcoder"


def test_a_skip_carries_what_is_read_as_it_is(tmp_path: Path) -> None:
    tensors, x_TD = random_weights(**SHAPES, W_skip=(D, D)), activations()
    w = double(tensors)
    codes_TF = coded(tensors, x_TD)
    read = read_foreign(written(tmp_path, tensors, transcode=True, skip_connection=True))
    assert_same(read, x_TD, codes_TF, codes_TF @ w["W_dec"] + w["b_dec"] + x_TD @ w["W_skip"].T)
    assert read.config["architecture"] == "skip_transcoder"


def test_without_the_run_only_the_folder_says_where_it_belongs(tmp_path: Path) -> None:
    folder = written(tmp_path, random_weights(**SHAPES))
    (tmp_path / "config.json").unlink()
    assert read_foreign(folder).facts == {"hook_name": "layers.5.mlp", "layer": 5}


@pytest.mark.parametrize("module", ["embed_tokens", "transformer.wte", "gpt_neox.embed_in"])
def test_an_embedding_is_named_by_its_folder(tmp_path: Path, module: str) -> None:
    folder = written(tmp_path, random_weights(**SHAPES))
    moved = Path(folder.path).rename(tmp_path / module)
    assert read_foreign(Folder(str(moved))).facts["hook_name"] == module


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"activation": "groupmax"}, "the activation is groupmax, wanted topk"),
        ({"signed": True}, "the activation is signed top-k, wanted topk"),
        ({"k": None}, "cfg.json lacks k"),
        ({"num_latents": F + 1}, r"sae.safetensors: W_dec is \[24, 8\], wanted \[25, 8\]"),
        ({"skip_connection": True}, "sae.safetensors lacks W_skip"),
    ],
)
def test_what_cannot_be_read_is_said(tmp_path: Path, config: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_foreign(written(tmp_path, random_weights(**SHAPES), **config))


def test_a_decoder_laid_as_a_linear_layer_is_seen(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"W_dec is \[8, 24\], wanted \[24, 8\]: it is transposed"):
        read_foreign(written(tmp_path, random_weights(**SHAPES) | {"W_dec": torch.ones(D, F)}))
