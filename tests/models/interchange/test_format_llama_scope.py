"""Llama Scope: weights for scaled activations and a threshold for raw ones, against the library's folded dictionary."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from foreign_dense import D, F, activations, assert_same, double, random_weights, save
from torch import Tensor

from models.interchange.sae_import import read_foreign
from storage.folder import Folder

HOOK = "blocks.15.hook_resid_post"
SHAPES = {"encoder.weight": (F, D), "encoder.bias": (F,), "decoder.weight": (D, F), "decoder.bias": (D,)}
NORM_IN, NORM_OUT = 20.0, 3.0


def written(home: Path, tensors: dict[str, Tensor], **config: Any) -> Folder:
    full = {"d_model": D, "d_sae": F, "expansion_factor": 3, "act_fn": "jumprelu", "jump_relu_threshold": 0.5}
    full |= {"use_decoder_bias": True, "apply_decoder_bias_to_pre_encoder": False, "norm_activation": "dataset-wise"}
    full |= {"dataset_average_activation_norm": {"in": NORM_IN, "out": NORM_IN}, "top_k": 50}
    full |= {"hook_point_in": HOOK, "hook_point_out": HOOK} | config
    save(home / "checkpoints", "unread.json", {}, "final.safetensors", tensors)
    (home / "hyperparams.json").write_text(json.dumps(full))
    return Folder(str(home))


def folded(
    tensors: dict[str, Tensor], x_TD: Tensor, threshold: float, norm_out: float, by_norm: bool = True
) -> tuple[Tensor, Tensor]:
    """As the library folds the scales before it uses a dictionary; its codes are then in the unit of raw activations,
    and are given here in that of scaled ones."""
    w = double(tensors)
    reads, writes = math.sqrt(D) / NORM_IN, math.sqrt(D) / norm_out
    decoder_DF = w["decoder.weight"] * reads / writes
    pre_TF = x_TD @ w["encoder.weight"].T + w["encoder.bias"] / reads
    compared_TF = pre_TF * decoder_DF.norm(dim=0) if by_norm else pre_TF
    codes_TF = pre_TF * (compared_TF > threshold)
    return codes_TF * reads, codes_TF @ decoder_DF.T + w["decoder.bias"] / writes


@pytest.mark.parametrize("by_norm", [True, False])
def test_an_autoencoder_reads_raw_activations(tmp_path: Path, by_norm: bool) -> None:
    tensors, x_TD = random_weights(**SHAPES), activations(scale=7)
    read = read_foreign(written(tmp_path, tensors, sparsity_include_decoder_norm=by_norm))
    assert_same(read, x_TD, *folded(tensors, x_TD, 0.5, NORM_IN, by_norm))
    assert (read.format, read.config["architecture"]) == ("llama_scope", "jumprelu")
    assert read.facts == {"hook_name": HOOK, "hook_in": HOOK, "hook_out": HOOK, "layer": 15}


def test_with_unit_decoder_rows_the_threshold_is_multiplied_by_the_scale(tmp_path: Path) -> None:
    """The correction of the authors in SAELens: sqrt(d) / average norm times the threshold of the file."""
    tensors = random_weights(**SHAPES)
    tensors["decoder.weight"] = torch.nn.functional.normalize(tensors["decoder.weight"], dim=0)
    read = read_foreign(written(tmp_path, tensors))
    torch.testing.assert_close(read.tensors["threshold"], torch.full((F,), 0.5 * math.sqrt(D) / NORM_IN))


def test_a_transcoder_has_a_scale_at_either_end(tmp_path: Path) -> None:
    tensors, x_TD = random_weights(**SHAPES), activations(scale=7)
    config = {"hook_point_in": "blocks.15.ln2.hook_normalized", "hook_point_out": "blocks.15.hook_mlp_out"}
    norms = {"in": NORM_IN, "out": NORM_OUT}
    folder = written(tmp_path, tensors, dataset_average_activation_norm=norms, jump_relu_threshold=0.1, **config)
    read = read_foreign(folder)
    assert_same(read, x_TD, *folded(tensors, x_TD, 0.1, NORM_OUT))
    assert read.config["architecture"] == "jumprelu_transcoder"


def test_a_bias_that_is_subtracted_is_so_after_scaling(tmp_path: Path) -> None:
    tensors, x_TD = random_weights(**SHAPES), activations(scale=7)
    w, scale = double(tensors), math.sqrt(D) / NORM_IN
    folder = written(tmp_path, tensors, apply_decoder_bias_to_pre_encoder=True, act_fn="relu")
    codes_TF = ((x_TD * scale - w["decoder.bias"]) @ w["encoder.weight"].T + w["encoder.bias"]).clamp_min(0)
    assert_same(read_foreign(folder), x_TD, codes_TF, (codes_TF @ w["decoder.weight"].T + w["decoder.bias"]) / scale)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"jump_relu_threshold": None}, "hyperparams.json lacks jump_relu_threshold"),
        ({"dataset_average_activation_norm": None}, "the average activation norm at in is None"),
        ({"dataset_average_activation_norm": {"in": 0.0, "out": 1.0}}, "norm at in is 0.0, wanted a number above 0"),
        ({"norm_activation": "token-wise"}, "'token-wise', which depends on each token"),
        ({"d_sae": F + 8}, r"final.safetensors: decoder.bias is|decoder.weight is \[8, 24\], wanted \[8, 32\]"),
    ],
)
def test_what_cannot_be_read_is_said(tmp_path: Path, config: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_foreign(written(tmp_path, random_weights(**SHAPES), **config))


def test_missing_weights_are_said(tmp_path: Path) -> None:
    folder = written(tmp_path, random_weights(**SHAPES))
    (tmp_path / "checkpoints" / "final.safetensors").unlink()
    with pytest.raises(ValueError, match=r"checkpoints/final.safetensors is missing; the folder holds unread.json"):
        read_foreign(folder)
