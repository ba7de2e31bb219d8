"""OpenMOSS: what is read of raw activations codes as the library does of activations that it scaled to a norm of √d."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from foreign_dense import D, F, activations, assert_same, double, random_weights, save, top_k
from torch import Tensor

from models.interchange.sae_import import read_foreign
from storage.folder import Folder

HOOK, HOOK_OUT = "blocks.6.hook_resid_post", "blocks.6.hook_mlp_out"
SHAPES = {"W_E": (D, F), "b_E": (F,), "W_D": (F, D), "b_D": (D,)}
LOG = "activation_function.log_jumprelu_threshold"
K, NORM_IN, NORM_OUT = 4, 20.0, 3.0


def written(home: Path, tensors: dict[str, Tensor], act_fn: str, **config: Any) -> Folder:
    full = {"sae_type": "sae", "d_model": D, "expansion_factor": 3, "use_decoder_bias": True, "act_fn": act_fn}
    full |= {"norm_activation": "dataset-wise", "sparsity_include_decoder_norm": True, "top_k": K}
    full |= {"hook_point_in": HOOK, "hook_point_out": HOOK, "use_glu_encoder": False} | config
    norms = {full["hook_point_in"]: torch.tensor(NORM_IN)}
    if full["hook_point_out"] != full["hook_point_in"]:
        norms[full["hook_point_out"]] = torch.tensor(NORM_OUT)
    stored = tensors | {f"dataset_average_activation_norm.{hook}": norm for hook, norm in norms.items()}
    return Folder(str(save(home, "config.json", full, "sae_weights.safetensors", stored)))


def chosen(pre_TF: Tensor, act_fn: str, log_threshold_F: Tensor | None) -> Tensor:
    """The library's activation functions."""
    if act_fn == "jumprelu":
        assert log_threshold_F is not None
        return pre_TF * (pre_TF > log_threshold_F.double().exp())
    return top_k(pre_TF, K) if act_fn.endswith("topk") else pre_TF.clamp_min(0)


def reference(
    tensors: dict[str, Tensor], x_TD: Tensor, act_fn: str, reads: float, writes: float, by_norm: bool = True
) -> tuple[Tensor, Tensor, Tensor]:
    """Codes as `encode` gives them for scaled activations, what `decode` writes, unscaled, and decoder norms."""
    w = double(tensors)
    norm_F = w["W_D"].norm(dim=1)
    compared_F = norm_F if by_norm else torch.ones(F).double()
    pre_TF = (x_TD * reads) @ w["W_E"] + w["b_E"]
    codes_TF = chosen(pre_TF * compared_F, act_fn, tensors.get(LOG)) / compared_F
    return codes_TF, (codes_TF @ w["W_D"] + w["b_D"]) / writes, norm_F


@pytest.mark.parametrize("by_norm", [True, False])
@pytest.mark.parametrize("act_fn", ["relu", "jumprelu", "topk"])
def test_an_autoencoder_reads_raw_activations(tmp_path: Path, act_fn: str, by_norm: bool) -> None:
    tensors, x_TD = random_weights(**SHAPES, **({LOG: (F,)} if act_fn == "jumprelu" else {})), activations(scale=7)
    read = read_foreign(written(tmp_path, tensors, act_fn, sparsity_include_decoder_norm=by_norm))
    scale = math.sqrt(D) / NORM_IN
    codes_TF, written_TD, norm_F = reference(tensors, x_TD, act_fn, scale, scale, by_norm)
    if act_fn == "topk" and by_norm:
        codes_TF = codes_TF * norm_F / scale  # in the unit of unit decoder rows
        assert read.facts["note"] == "codes are in the unit of decoder rows of norm 1, by which they are compared"
    assert_same(read, x_TD, codes_TF, written_TD)
    assert read.config["architecture"] == {"relu": "standard"}.get(act_fn, act_fn)
    assert (read.format, read.facts["layer"], read.facts["hook_out"]) == ("openmoss", 6, HOOK)


@pytest.mark.parametrize("act_fn", ["relu", "jumprelu", "topk"])
def test_a_transcoder_has_a_scale_at_either_end(tmp_path: Path, act_fn: str) -> None:
    tensors, x_TD = random_weights(**SHAPES, **({LOG: (F,)} if act_fn == "jumprelu" else {})), activations(scale=7)
    read = read_foreign(written(tmp_path, tensors, act_fn, hook_point_out=HOOK_OUT))
    reads, writes = math.sqrt(D) / NORM_IN, math.sqrt(D) / NORM_OUT
    codes_TF, written_TD, norm_F = reference(tensors, x_TD, act_fn, reads, writes)
    assert_same(read, x_TD, codes_TF * norm_F / writes if act_fn == "topk" else codes_TF, written_TD)
    assert read.config["architecture"] == ("jumprelu_transcoder" if act_fn == "jumprelu" else "transcoder")
    assert (read.facts["hook_in"], read.facts["hook_out"]) == (HOOK, HOOK_OUT)


def test_a_folded_dictionary_is_not_scaled_again(tmp_path: Path) -> None:
    tensors, x_TD = random_weights(**SHAPES, **{LOG: (F,)}), activations()
    read = read_foreign(written(tmp_path, tensors, "jumprelu", norm_activation="inference"))
    codes_TF, written_TD, _ = reference(tensors, x_TD, "jumprelu", 1, 1)
    assert_same(read, x_TD, codes_TF, written_TD)


def test_batch_topk_is_read_token_by_token_and_says_so(tmp_path: Path) -> None:
    tensors = random_weights(**SHAPES)
    read = read_foreign(written(tmp_path, tensors, "batchtopk", sparsity_include_decoder_norm=False))
    assert (read.config["architecture"], read.config["k"]) == ("topk", K)
    assert read.facts["note"] == "it has no threshold: the 4 largest of each token fire, not of a batch"


def test_a_dictionary_without_decoder_bias_has_one_of_zeros(tmp_path: Path) -> None:
    tensors = random_weights(**SHAPES)
    del tensors["b_D"]
    assert not read_foreign(written(tmp_path, tensors, "relu", use_decoder_bias=False)).tensors["b_dec"].any()


def test_files_of_early_2025_lie_as_linear_layers(tmp_path: Path) -> None:
    """Llama Scope R1-Distill has this layout."""
    tensors, x_TD = random_weights(**SHAPES, **{LOG: (F,)}), activations(scale=7)
    stored = {
        "encoder.weight": tensors["W_E"].T, "encoder.bias": tensors["b_E"], "decoder.weight": tensors["W_D"].T,
        "decoder.bias": tensors["b_D"], "log_jumprelu_threshold": tensors[LOG],
    }  # fmt: skip
    scale = math.sqrt(D) / NORM_IN
    codes_TF, written_TD, _ = reference(tensors, x_TD, "jumprelu", scale, scale)
    assert_same(read_foreign(written(tmp_path, stored, "jumprelu")), x_TD, codes_TF, written_TD)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"norm_activation": "token-wise"}, "norm_activation='token-wise', which depends on each token or batch"),
        ({"norm_activation": "batch-wise"}, "norm_activation='batch-wise', which depends"),
        ({"sae_type": "clt"}, "sae_type is 'clt', wanted 'sae'"),
        ({"act_fn": "layertopk"}, "the activation is layertopk, wanted one of relu"),
        ({"use_glu_encoder": True}, "the activation is relu behind a gated linear unit"),
        ({"act_fn": "jumprelu"}, f"sae_weights.safetensors lacks {LOG}"),
        ({"expansion_factor": 4}, r"W_D is \[24, 8\], wanted \[32, 8\]"),
        ({"d_model": "8"}, "says d_model='8', wanted a whole number above 0"),
    ],
)
def test_what_cannot_be_read_is_said(tmp_path: Path, config: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_foreign(written(tmp_path, random_weights(**SHAPES), **{"act_fn": "relu"} | config))


def test_a_scale_that_no_file_holds_is_asked_for(tmp_path: Path) -> None:
    folder = written(tmp_path, random_weights(**SHAPES), "relu")
    save(tmp_path, "other.json", {}, "sae_weights.safetensors", random_weights(**SHAPES))
    with pytest.raises(ValueError, match=f"the average activation norm at {HOOK} is None, wanted a number above 0"):
        read_foreign(folder)
