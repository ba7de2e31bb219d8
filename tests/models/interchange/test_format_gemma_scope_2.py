"""Gemma Scope 2: autoencoders and transcoders, whose affine skip lies as [d_in, d_out]."""

from pathlib import Path
from typing import Any

import pytest
import torch
from foreign_dense import D, F, activations, assert_same, double, random_weights, save
from torch import Tensor

from models.dictionaries.architectures.cross_layer_transcoder import CrossLayerSlice
from models.dictionaries.saelens_format import from_saelens
from models.dictionaries.tensor_checks import UnreadableDictionary
from models.interchange.sae_import import read_foreign
from storage.folder import Folder

SHAPES = {"w_enc": (D, F), "w_dec": (F, D), "b_enc": (F,), "b_dec": (D,), "threshold": (F,)}
HOOK = "model.layers.9.output"
MLP_IN, MLP_OUT = (f"model.layers.9.{part}_feedforward_layernorm.output" for part in ("pre", "post"))


def written(home: Path, tensors: dict[str, Tensor], **config: Any) -> Folder:
    full = {"architecture": "jump_relu", "model_name": "google/gemma-3-1b-pt", "width": F, "l0": 20, "type": "sae"}
    full |= {"hf_hook_point_in": HOOK, "hf_hook_point_out": HOOK, "affine_connection": False}
    return Folder(str(save(home, "config.json", full | config, "params.safetensors", tensors)))


def jumped(tensors: dict[str, Tensor], x_TD: Tensor) -> tuple[Tensor, Tensor]:
    w = double(tensors)
    pre_TF = x_TD @ w["w_enc"] + w["b_enc"]
    codes_TF = (pre_TF > w["threshold"]) * pre_TF.clamp_min(0)
    return codes_TF, codes_TF @ w["w_dec"] + w["b_dec"]


def test_an_autoencoder(tmp_path: Path) -> None:
    tensors, x_TD = random_weights(**SHAPES), activations()
    read = read_foreign(written(tmp_path, tensors))
    assert_same(read, x_TD, *jumped(tensors, x_TD))
    assert (read.format, read.config["architecture"]) == ("gemma_scope_2", "jumprelu")
    assert read.facts == {
        "model_name": "google/gemma-3-1b-pt", "hook_name": HOOK, "hook_in": HOOK, "hook_out": HOOK,
        "layer": 9, "l0": 20,
    }  # fmt: skip


def test_a_transcoder(tmp_path: Path) -> None:
    tensors, x_TD = random_weights(**SHAPES), activations()
    read = read_foreign(written(tmp_path, tensors, hf_hook_point_in=MLP_IN, hf_hook_point_out=MLP_OUT))
    assert_same(read, x_TD, *jumped(tensors, x_TD))
    assert read.config["architecture"] == "jumprelu_transcoder"
    assert (read.facts["hook_in"], read.facts["hook_out"]) == (MLP_IN, MLP_OUT)


def test_an_affine_transcoder_adds_what_it_reads_by_rows(tmp_path: Path) -> None:
    tensors, x_TD = random_weights(**SHAPES, affine_skip_connection=(D, D)), activations()
    folder = written(tmp_path, tensors, hf_hook_point_in=MLP_IN, hf_hook_point_out=MLP_OUT, affine_connection=True)
    codes_TF, written_TD = jumped(tensors, x_TD)
    read = read_foreign(folder)
    assert_same(read, x_TD, codes_TF, written_TD + x_TD @ tensors["affine_skip_connection"].double())
    assert read.config["architecture"] == "jumprelu_skip_transcoder"


def test_a_block_of_a_cross_layer_transcoder_writes_it_and_later_ones(tmp_path: Path) -> None:
    tensors = random_weights(**SHAPES) | random_weights(w_dec=(F, 12, D))
    read = read_foreign(written(tmp_path, tensors, hf_hook_point_in=MLP_IN, hf_hook_point_out=MLP_OUT))
    sae = from_saelens(read.config, read.tensors)
    assert isinstance(sae, CrossLayerSlice)
    assert torch.equal(sae.W_dec, tensors["w_dec"][:, 9])
    assert {block: torch.equal(rows, tensors["w_dec"][:, block]) for block, rows in sae.later_FE.items()} == {
        10: True, 11: True,
    }  # fmt: skip
    fewer = tensors | random_weights(w_dec=(F, 9, D))
    with pytest.raises(UnreadableDictionary, match=r"w_dec is \[.*of 9 blocks, and hf_hook_point_in='model.layers.9"):
        read_foreign(written(tmp_path, fewer, hf_hook_point_in=MLP_IN, hf_hook_point_out=MLP_OUT))


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"architecture": "topk"}, "architecture is 'topk', wanted 'jump_relu'"),
        ({"hf_hook_point_in": None}, "config.json lacks hf_hook_point_in"),
        ({"width": 16384}, r"b_enc is \[24\], config.json says width 16384"),
        ({"affine_connection": True}, "params.safetensors lacks affine_skip_connection"),
    ],
)
def test_what_cannot_be_read_is_said(tmp_path: Path, config: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_foreign(written(tmp_path, random_weights(**SHAPES), **config))


def test_a_cross_layer_transcoder_is_not_taken_for_one_layer(tmp_path: Path) -> None:
    tensors = random_weights(**SHAPES) | {"w_enc": torch.ones(2, D, F)}
    with pytest.raises(ValueError, match=r"w_enc is \[2, 8, 24\], wanted \[8, 24\]"):
        read_foreign(written(tmp_path, tensors))
