"""SAELens 6: what is read codes as SAELens does, whatever the architecture; what tensors cannot hold is refused."""

import json
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from foreign_dense import D, F, activations, assert_same, double, random_weights, save, top_k
from torch import Tensor

from models.interchange.sae_import import read_foreign
from storage.folder import Folder

E = 5
WEIGHTS = "sae_weights.safetensors"


def written(home: Path, architecture: str, tensors: dict[str, Tensor], **config: Any) -> Folder:
    """A folder as SAELens 6 saves it."""
    metadata = {"sae_lens_version": "6.54.12", "model_name": "gpt2", "hook_name": "blocks.3.hook_resid_post"}
    metadata |= {"context_size": 128, "dataset_path": None, "l0": 16.5}
    full = {"architecture": architecture, "d_in": D, "d_sae": F, "dtype": "float32", "normalize_activations": "none"}
    return Folder(str(save(home, "cfg.json", full | config | {"metadata": metadata}, WEIGHTS, tensors)))


def autoencoder(**more: tuple[int, ...]) -> dict[str, Tensor]:
    return random_weights(W_enc=(D, F), W_dec=(F, D), b_enc=(F,), b_dec=(D,), **more)


def pre_activations(tensors: dict[str, Tensor], x_TD: Tensor, centred: bool = True) -> Tensor:
    w = double(tensors)
    return (x_TD - w["b_dec"] if centred else x_TD) @ w["W_enc"] + w["b_enc"]


def decoded(tensors: dict[str, Tensor], codes_TF: Tensor) -> Tensor:
    return codes_TF @ tensors["W_dec"].double() + tensors["b_dec"].double()


@pytest.mark.parametrize("centred", [True, False])
def test_a_standard_dictionary_codes_by_relu(tmp_path: Path, centred: bool) -> None:
    tensors, x_TD = autoencoder(), activations()
    read = read_foreign(written(tmp_path, "standard", tensors, apply_b_dec_to_input=centred))
    codes_TF = pre_activations(tensors, x_TD, centred).clamp_min(0)
    assert_same(read, x_TD, codes_TF, decoded(tensors, codes_TF))
    assert read.format == "saelens6"
    assert read.facts == {
        "model_name": "gpt2", "hook_name": "blocks.3.hook_resid_post", "hook_in": "blocks.3.hook_resid_post",
        "hook_out": "blocks.3.hook_resid_post", "layer": 3, "context_size": 128, "l0": 16.5,
    }  # fmt: skip


def test_without_a_word_the_decoder_bias_is_subtracted(tmp_path: Path) -> None:
    tensors, x_TD = autoencoder(), activations()
    codes_TF = pre_activations(tensors, x_TD).clamp_min(0)
    assert_same(read_foreign(written(tmp_path, "standard", tensors)), x_TD, codes_TF, decoded(tensors, codes_TF))


def test_topk_may_choose_by_the_norm_of_decoder_rows(tmp_path: Path) -> None:
    """SAELens multiplies pre-activations by the norm before it chooses and divides codes by it before it decodes."""
    tensors, x_TD = autoencoder(), activations()
    read = read_foreign(written(tmp_path, "topk", tensors, k=4, rescale_acts_by_decoder_norm=True))
    norm_F = tensors["W_dec"].double().norm(dim=1)
    codes_TF = top_k(pre_activations(tensors, x_TD) * norm_F, 4)
    assert_same(read, x_TD, codes_TF, decoded(tensors, codes_TF / norm_F))
    assert read.config["k"] == 4


def test_topk_otherwise_chooses_by_pre_activations(tmp_path: Path) -> None:
    tensors, x_TD = autoencoder(), activations()
    codes_TF = top_k(pre_activations(tensors, x_TD), 4)
    assert_same(read_foreign(written(tmp_path, "topk", tensors, k=4)), x_TD, codes_TF, decoded(tensors, codes_TF))


def test_jumprelu_cuts_negatives_even_below_a_negative_threshold(tmp_path: Path) -> None:
    tensors, x_TD = autoencoder(threshold=(F,)), activations()
    assert (tensors["threshold"] < 0).any()
    pre_TF = pre_activations(tensors, x_TD)
    codes_TF = pre_TF.clamp_min(0) * (pre_TF > tensors["threshold"].double())
    assert_same(read_foreign(written(tmp_path, "jumprelu", tensors)), x_TD, codes_TF, decoded(tensors, codes_TF))


def test_a_gated_dictionary_has_two_biases_and_no_encoder_bias(tmp_path: Path) -> None:
    tensors, x_TD = autoencoder(b_gate=(F,), b_mag=(F,), r_mag=(F,)), activations()
    del tensors["b_enc"]
    w = double(tensors)
    in_TD = x_TD - w["b_dec"]
    value_TF = (in_TD @ (w["W_enc"] * w["r_mag"].exp()) + w["b_mag"]).clamp_min(0)
    codes_TF = value_TF * (in_TD @ w["W_enc"] + w["b_gate"] > 0)
    assert_same(read_foreign(written(tmp_path, "gated", tensors)), x_TD, codes_TF, decoded(tensors, codes_TF))


@pytest.mark.parametrize("architecture", ["batchtopk", "matryoshka_batchtopk"])
def test_a_batch_topk_checkpoint_is_read_with_its_threshold_and_its_scale(tmp_path: Path, architecture: str) -> None:
    """The scaler multiplies activations before the dictionary sees them and divides what it gives by the same."""
    tensors, x_TD = autoencoder(), activations(scale=5)
    stored = tensors | {"topk_threshold": torch.tensor(0.3, dtype=torch.float64)}
    folder = written(
        tmp_path, architecture, stored, k=4.0, rescale_acts_by_decoder_norm=True,
        normalize_activations="expected_average_only_in",
    )  # fmt: skip
    (tmp_path / "activation_scaler.json").write_text(json.dumps({"scaling_factor": 0.2, "has_whitening": False}))
    norm_F = tensors["W_dec"].double().norm(dim=1)
    pre_TF = pre_activations(tensors, x_TD * 0.2) * norm_F
    codes_TF = pre_TF * (pre_TF > 0.3)
    read = read_foreign(folder)
    assert_same(read, x_TD, codes_TF, decoded(tensors, codes_TF / norm_F) / 0.2)
    assert read.config["architecture"] == "jumprelu"


@pytest.mark.parametrize(
    "architecture", ["transcoder", "skip_transcoder", "jumprelu_transcoder", "jumprelu_skip_transcoder"]
)
def test_a_transcoder_writes_another_width(tmp_path: Path, architecture: str) -> None:
    tensors = random_weights(W_enc=(D, F), W_dec=(F, E), b_enc=(F,), b_dec=(E,), W_skip=(E, D), threshold=(F,))
    unused = ({"W_skip"} if "skip" not in architecture else set()) | (
        {"threshold"} if "jump" not in architecture else set()
    )
    tensors = {name: tensor for name, tensor in tensors.items() if name not in unused}
    x_TD = activations()
    pre_TF = x_TD @ tensors["W_enc"].double() + tensors["b_enc"].double()
    codes_TF = pre_TF.clamp_min(0)
    if "threshold" in tensors:
        codes_TF = codes_TF * (pre_TF > tensors["threshold"].double())
    written_TE = decoded(tensors, codes_TF)
    if "W_skip" in tensors:
        written_TE = written_TE + x_TD @ tensors["W_skip"].double().T
    read = read_foreign(written(tmp_path, architecture, tensors, d_out=E))
    assert_same(read, x_TD, codes_TF, written_TE)
    assert read.config["d_out"] == E
    assert "hook_out" not in read.facts, "the file does not say where it writes"


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_weights_in_half_precision_are_read_as_they_were_stored(tmp_path: Path, dtype: torch.dtype) -> None:
    tensors, x_TD = {name: tensor.to(dtype) for name, tensor in autoencoder().items()}, activations()
    codes_TF = pre_activations(tensors, x_TD).clamp_min(0)
    assert_same(read_foreign(written(tmp_path, "standard", tensors)), x_TD, codes_TF, decoded(tensors, codes_TF))


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (
            {"normalize_activations": "layer_norm"},
            r"cfg.json says normalize_activations='layer_norm', which depends on",
        ),
        ({"normalize_activations": "constant_norm_rescale"}, "'constant_norm_rescale', which depends on each token"),
        ({"normalize_activations": "expected_average_only_in"}, "the average norm is in no file beside it"),
        ({"architecture": "matching_pursuit"}, "architecture is 'matching_pursuit', wanted one of standard, topk"),
        ({"architecture": "topk"}, r"cfg.json lacks k; it has apply_b_dec_to_input, architecture"),
        ({"architecture": "topk", "k": 0}, "says k=0, wanted a whole number above 0"),
        ({"architecture": "transcoder"}, "says apply_b_dec_to_input for a transcoder"),
        ({"d_sae": 25}, r"sae_weights.safetensors: W_dec is \[24, 8\], wanted \[25, 8\]: its width is another"),
    ],
)
def test_what_cannot_be_read_is_said(tmp_path: Path, config: dict[str, Any], said: str) -> None:
    folder = written(tmp_path, "standard", autoencoder(), apply_b_dec_to_input=True)
    path = tmp_path / "cfg.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | config))
    with pytest.raises(ValueError, match=said):
        read_foreign(folder)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"b_enc": None}, "lacks b_enc; it holds W_dec, W_enc, b_dec: export"),
        ({"threshold": torch.ones(F)}, r"holds threshold, which such a dictionary does not have"),
        ({"W_enc": torch.ones(F, D)}, r"W_enc is \[24, 8\], wanted \[8, 24\]: it is transposed"),
        ({"b_dec": torch.ones(D + 1)}, r"b_dec is \[9\], wanted \[8\]: its width is another"),
        ({"W_dec": torch.full((F, D), torch.inf)}, "W_dec holds NaN or Inf"),
        ({"b_enc": torch.ones(F, dtype=torch.int64)}, "b_enc is torch.int64, wanted floating point"),
    ],
)
def test_damaged_tensors_are_named(tmp_path: Path, changes: dict[str, Tensor | None], said: str) -> None:
    tensors = {name: tensor for name, tensor in (autoencoder() | changes).items() if tensor is not None}
    folder = written(tmp_path, "standard", tensors)
    with pytest.raises(ValueError, match=rf"sae_weights\.safetensors.* {said}|sae_weights\.safetensors {said}"):
        read_foreign(folder)


def test_a_file_that_was_cut_short_is_said(tmp_path: Path) -> None:
    folder = written(tmp_path, "standard", autoencoder())
    whole = (tmp_path / WEIGHTS).read_bytes()
    (tmp_path / WEIGHTS).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match="is cut short or damaged"):
        read_foreign(folder)
    (tmp_path / WEIGHTS).unlink()
    with pytest.raises(ValueError, match=r"sae_weights.safetensors is missing; the folder holds cfg.json"):
        read_foreign(folder)
    (tmp_path / "cfg.json").write_text("{")
    with pytest.raises(ValueError, match=r"cfg.json is not JSON"):
        read_foreign(folder)


def test_a_finetuned_decoder_is_scaled_once(tmp_path: Path) -> None:
    tensors, x_TD = autoencoder(), activations()
    factor_F = torch.linspace(0.5, 1.5, F)
    folder = written(
        tmp_path, "standard", tensors | {"finetuning_scaling_factor": factor_F}, finetuning_scaling_factor=True
    )
    codes_TF = pre_activations(tensors, x_TD).clamp_min(0)
    assert_same(read_foreign(folder), x_TD, codes_TF, decoded(tensors, codes_TF * factor_F.double()))
    path = tmp_path / "cfg.json"
    path.write_text(path.read_text().replace('"finetuning_scaling_factor": true', '"finetuning_scaling_factor": false'))
    with pytest.raises(ValueError, match="holds finetuning_scaling_factor other than 1"):
        read_foreign(folder)


def test_the_stored_tensors_are_all_used(tmp_path: Path) -> None:
    """Names are SAELens' own, so an autoencoder comes back as it lies in the file."""
    tensors = autoencoder()
    read = read_foreign(written(tmp_path, "standard", tensors))
    stored = safetensors.torch.load_file(tmp_path / WEIGHTS)
    assert read.tensors.keys() == stored.keys()
    assert all(torch.equal(read.tensors[name], stored[name]) for name in stored)
