"""What a `ImportedDictionary` means, densely and in float64; random weights, and the damages that a file can have.

Axes: T tokens, D width that is read, E width that is written, F features.
"""

import json
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from models.interchange.sae_import import ImportedDictionary

D, F, T = 8, 24, 200


def random_weights(**shapes: tuple[int, ...]) -> dict[str, Tensor]:
    """Normal numbers that are the same for the same names and shapes; matrices are as small as 1/√width."""
    chance = torch.Generator().manual_seed(sum(map(ord, "".join(shapes))))
    drawn = {name: torch.randn(shape, generator=chance) for name, shape in shapes.items()}
    return {
        name: tensor / tensor.shape[-1] ** 0.5 if tensor.ndim == 2 else tensor / 2 for name, tensor in drawn.items()
    }


def activations(width: int = D, scale: float = 1.0) -> Tensor:
    """[T, D], with a mean that is not zero, so that it shows whether a bias was subtracted."""
    return torch.randn(T, width, generator=torch.Generator().manual_seed(1)).double() * scale + scale / 2


def top_k(pre_TF: Tensor, k: int) -> Tensor:
    """relu(pre) where pre is among the k largest of its token, 0 elsewhere; ranks by sorting."""
    rank_TF = pre_TF.argsort(1, descending=True).argsort(1)
    return torch.where(rank_TF < k, pre_TF, 0.0).clamp_min(0)


def double(tensors: dict[str, Any]) -> dict[str, Tensor]:
    return {name: tensor.double() for name, tensor in tensors.items()}


def foreign_codes(foreign: ImportedDictionary, x_TD: Tensor) -> tuple[Tensor, Tensor]:
    """Codes [T, F] and what they write [T, E], by the formulas of `ImportedDictionary` and nothing else."""
    w, config = double(foreign.tensors), foreign.config
    assert {tensor.dtype for tensor in foreign.tensors.values()} == {torch.float32}
    assert w["W_enc"].shape == (config["d_in"], config["d_sae"])
    assert w["W_dec"].shape == (config["d_sae"], config["d_out"])
    in_TD = x_TD - w["b_dec"] if config["apply_b_dec_to_input"] else x_TD
    if config["architecture"] == "gated":
        value_TF = (in_TD @ (w["W_enc"] * w["r_mag"].exp()) + w["b_mag"]).clamp_min(0)
        codes_TF = value_TF * (in_TD @ w["W_enc"] + w["b_gate"] > 0)
    else:
        pre_TF = in_TD @ w["W_enc"] + w["b_enc"]
        if config["architecture"].startswith("jumprelu"):
            codes_TF = pre_TF * (pre_TF > w["threshold"])
        elif "k" in config:
            codes_TF = top_k(pre_TF, config["k"])
        else:
            codes_TF = pre_TF.clamp_min(0)
    written_TE = codes_TF @ w["W_dec"] + w["b_dec"]
    return codes_TF, written_TE + x_TD @ w["W_skip"].T if "W_skip" in w else written_TE


def assert_same(foreign: ImportedDictionary, x_TD: Tensor, codes_TF: Tensor, written_TE: Tensor) -> None:
    """The dictionary that was read codes and writes as its library does; some features fire, and some do not."""
    found_TF, found_TE = foreign_codes(foreign, x_TD)
    torch.testing.assert_close(found_TF, codes_TF, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(found_TE, written_TE, rtol=1e-5, atol=1e-5)
    assert 0.02 < (codes_TF != 0).double().mean() < 0.9, "the fixture says little"


def save(folder: Path, config_name: str, config: dict[str, Any], weights_name: str, tensors: dict[str, Tensor]) -> Path:
    """A JSON configuration and safetensors, as most libraries write them."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / config_name).write_text(json.dumps(config))
    safetensors.torch.save_file({name: t.contiguous() for name, t in tensors.items()}, folder / weights_name)
    return folder
