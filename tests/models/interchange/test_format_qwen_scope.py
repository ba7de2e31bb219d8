"""Qwen-Scope: a linear layer's encoder, no centring, and a k that stands in the name of the repository."""

from pathlib import Path
from typing import Any

import pytest
import torch
from foreign_dense import D, F, activations, assert_same, double, random_weights, top_k

from models.interchange.sae_import import fetch, read_foreign
from storage.folder import Folder

SHAPES = {"W_enc": (F, D), "W_dec": (D, F), "b_enc": (F,), "b_dec": (D,)}
REPOSITORY = "models--Qwen--SAE-Res-Qwen3-8B-Base-W64K-L0_4/snapshots/0a1b"


def written(folder: Path, layer: int, **changes: Any) -> Folder:
    folder.mkdir(parents=True, exist_ok=True)
    torch.save(random_weights(**SHAPES) | changes, folder / f"layer{layer}.sae.pt")
    return Folder(str(folder))


def test_a_layer_codes_as_its_model_card_says(tmp_path: Path) -> None:
    w, x_TD = double(random_weights(**SHAPES)), activations()
    written(tmp_path / REPOSITORY, 3, W_enc=torch.zeros(F, D))
    written(tmp_path / REPOSITORY, 12)
    read = read_foreign(fetch(f"{tmp_path}/{REPOSITORY}/layer12.sae.pt"))
    codes_TF = top_k(x_TD @ w["W_enc"].T + w["b_enc"], 4)
    assert_same(read, x_TD, codes_TF, codes_TF @ w["W_dec"].T + w["b_dec"])
    assert (read.format, read.config["architecture"], read.config["k"]) == ("qwen_scope", "topk", 4)
    hook = "model.layers.12"
    assert read.facts == {
        "model_name": "Qwen/Qwen3-8B-Base", "hook_name": hook, "hook_in": hook, "hook_out": hook, "layer": 12,
    }  # fmt: skip
    with pytest.raises(ValueError, match=r"holds layer12.sae.pt, layer3.sae.pt: name one file"):
        read_foreign(Folder(f"{tmp_path}/{REPOSITORY}"))


def test_where_no_path_names_k_it_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"does not say how many features fire, .* with L0_50 or L0_100"):
        read_foreign(written(tmp_path / "mine", 0))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"W_enc": torch.ones(D, F)}, r"layer0.sae.pt: W_enc is \[8, 24\], wanted \[24, 8\]: it is transposed"),
        ({"threshold": torch.ones(F)}, r"layer0.sae.pt holds threshold, which such a dictionary does not have"),
    ],
)
def test_damaged_tensors_are_named(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_foreign(written(tmp_path / REPOSITORY, 0, **changes))
