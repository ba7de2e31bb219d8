"""SAELens before 6: flat configurations are read by the rules by which SAELens 6 reads them."""

from pathlib import Path
from typing import Any

import pytest
import torch
from foreign_dense import D, F, activations, assert_same, double, random_weights, save, top_k
from torch import Tensor

from models.interchange.sae_import import read_foreign
from storage.folder import Folder


def written(home: Path, tensors: dict[str, Tensor], **config: Any) -> Folder:
    """A folder as SAELens 1 to 5 saved it."""
    full = {"model_name": "gpt2-small", "d_in": D, "d_sae": F, "dtype": "torch.float32", "context_size": 64}
    full |= {"dataset_path": "openwebtext"}
    return Folder(str(save(home, "cfg.json", full | config, "sae_weights.safetensors", tensors)))


def autoencoder(**more: tuple[int, ...]) -> dict[str, Tensor]:
    return random_weights(W_enc=(D, F), W_dec=(F, D), b_enc=(F,), b_dec=(D,), **more)


def pre_activations(tensors: dict[str, Tensor], x_TD: Tensor) -> Tensor:
    w = double(tensors)
    return (x_TD - w["b_dec"]) @ w["W_enc"] + w["b_enc"]


def decoded(tensors: dict[str, Tensor], codes_TF: Tensor) -> Tensor:
    return codes_TF @ tensors["W_dec"].double() + tensors["b_dec"].double()


def test_the_oldest_configurations_name_neither_architecture_nor_normalisation(tmp_path: Path) -> None:
    tensors, x_TD = autoencoder(), activations()
    stored = tensors | {"scaling_factor": torch.ones(F)}
    read = read_foreign(written(tmp_path, stored, hook_point="blocks.7.hook_resid_pre", hook_point_layer=7))
    codes_TF = pre_activations(tensors, x_TD).clamp_min(0)
    assert_same(read, x_TD, codes_TF, decoded(tensors, codes_TF))
    assert read.format == "saelens_legacy"
    assert read.facts == {
        "model_name": "gpt2-small", "hook_name": "blocks.7.hook_resid_pre", "hook_in": "blocks.7.hook_resid_pre",
        "hook_out": "blocks.7.hook_resid_pre", "layer": 7, "context_size": 64, "dataset": "openwebtext",
    }  # fmt: skip


def test_topk_was_an_activation_function_of_a_standard_dictionary(tmp_path: Path) -> None:
    tensors, x_TD = autoencoder(), activations()
    folder = written(
        tmp_path, tensors, architecture="standard", hook_name="blocks.2.hook_mlp_out", activation_fn_str="topk",
        activation_fn_kwargs={"k": 3}, normalize_activations=False, sae_lens_training_version="3.2.0",
    )  # fmt: skip
    codes_TF = top_k(pre_activations(tensors, x_TD), 3)
    read = read_foreign(folder)
    assert_same(read, x_TD, codes_TF, decoded(tensors, codes_TF))
    assert (read.config["architecture"], read.facts["layer"]) == ("topk", 2)


def test_a_jumprelu_dictionary_is_read(tmp_path: Path) -> None:
    tensors, x_TD = autoencoder(threshold=(F,)), activations()
    tensors["threshold"] = tensors["threshold"].abs()
    pre_TF = pre_activations(tensors, x_TD)
    codes_TF = pre_TF * (pre_TF > tensors["threshold"].double())
    folder = written(tmp_path, tensors, architecture="jumprelu", activation_fn_str="relu", normalize_activations="none")
    assert_same(read_foreign(folder), x_TD, codes_TF, decoded(tensors, codes_TF))


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"activation_fn_str": "tanh-relu"}, "activation_fn='tanh-relu', wanted relu or topk"),
        ({"activation_fn_str": "topk"}, "cfg.json lacks k"),
        ({"normalize_activations": True}, "'expected_average_only_in', but the average norm is in no file"),
        ({"normalize_activations": "layer_norm"}, "'layer_norm', which depends on each token"),
    ],
)
def test_what_cannot_be_read_is_said(tmp_path: Path, config: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_foreign(written(tmp_path, autoencoder(), **config))


def test_a_scale_that_nothing_accounts_for_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="holds scaling_factor other than 1"):
        read_foreign(written(tmp_path, autoencoder() | {"scaling_factor": torch.full((F,), 2.0)}))
