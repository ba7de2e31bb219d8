"""dictionary_learning: every class codes as its own `encode` says, though each has its names, layout and centring."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from foreign_dense import D, F, activations, assert_same, double, random_weights, top_k
from torch import Tensor

from models.interchange.sae_import import ImportedDictionary, read_foreign
from storage.folder import Folder

K = 4
ENCODER = {"encoder.weight": (F, D), "encoder.bias": (F,), "decoder.weight": (D, F)}
PLAIN = {"W_enc": (D, F), "b_enc": (F,), "W_dec": (F, D), "b_dec": (D,)}
TRAINER = {"trainer_class": "T", "activation_dim": D, "dict_size": F, "k": K, "lm_name": "EleutherAI/pythia-70m"}


def written(home: Path, dict_class: str, state: dict[str, Tensor], **trainer: Any) -> Folder:
    """A folder as `trainSAE` leaves it."""
    config = {
        "trainer": TRAINER | {"dict_class": dict_class, "layer": 3, "submodule_name": "resid_post_layer_3"} | trainer,
        "buffer": {"d_submodule": D, "io": "out", "ctx_len": 128},
    }
    (home / "config.json").write_text(json.dumps(config))
    torch.save(state, home / "ae.pt")
    return Folder(str(home))


def counted(state: dict[str, Tensor], threshold: float) -> dict[str, Tensor]:
    return state | {"k": torch.tensor(K, dtype=torch.int32), "threshold": torch.tensor(threshold)}


def linear_pre(state: dict[str, Tensor], x_TD: Tensor, bias: str | None) -> Tensor:
    w = double(state)
    return (x_TD - w[bias] if bias else x_TD) @ w["encoder.weight"].T + w["encoder.bias"]


def linear_decoded(state: dict[str, Tensor], codes_TF: Tensor, bias: str) -> Tensor:
    return codes_TF @ state["decoder.weight"].double().T + state[bias].double()


def test_autoencoder(tmp_path: Path) -> None:
    state, x_TD = random_weights(**ENCODER, bias=(D,)), activations()
    read = read_foreign(written(tmp_path, "AutoEncoder", state))
    codes_TF = linear_pre(state, x_TD, "bias").clamp_min(0)
    assert_same(read, x_TD, codes_TF, linear_decoded(state, codes_TF, "bias"))
    assert read.config["architecture"] == "standard"
    assert (read.format, read.facts) == (
        "dictionary_learning",
        {"model_name": "EleutherAI/pythia-70m", "hook_name": "resid_post_layer_3", "layer": 3, "context_size": 128},
    )


def test_the_new_autoencoder_subtracts_nothing(tmp_path: Path) -> None:
    state, x_TD = random_weights(**ENCODER, **{"decoder.bias": (D,)}), activations()
    codes_TF = linear_pre(state, x_TD, None).clamp_min(0)
    read = read_foreign(written(tmp_path, "AutoEncoderNew", state))
    assert_same(read, x_TD, codes_TF, linear_decoded(state, codes_TF, "decoder.bias"))


@pytest.mark.parametrize("threshold", [-1.0, 0.3])
def test_topk_keeps_k_whatever_its_threshold(tmp_path: Path, threshold: float) -> None:
    state, x_TD = random_weights(**ENCODER, b_dec=(D,)), activations()
    read = read_foreign(written(tmp_path, "AutoEncoderTopK", counted(state, threshold)))
    codes_TF = top_k(linear_pre(state, x_TD, "b_dec"), K)
    assert_same(read, x_TD, codes_TF, linear_decoded(state, codes_TF, "b_dec"))
    assert "note" not in read.facts


def test_topk_of_an_older_version_has_its_k_in_the_configuration_only(tmp_path: Path) -> None:
    state = random_weights(**ENCODER, b_dec=(D,))
    assert read_foreign(written(tmp_path, "AutoEncoderTopK", state)).config["k"] == K
    with pytest.raises(ValueError, match=r"k is None, wanted a whole number above 0 there or in config.json"):
        read_foreign(written(tmp_path, "AutoEncoderTopK", state, k=None))


def test_batch_topk_fires_above_its_threshold(tmp_path: Path) -> None:
    state, x_TD = random_weights(**ENCODER, b_dec=(D,)), activations()
    relu_TF = linear_pre(state, x_TD, "b_dec").clamp_min(0)
    codes_TF = relu_TF * (relu_TF > 0.3)
    read = read_foreign(written(tmp_path, "BatchTopKSAE", counted(state, 0.3)))
    assert_same(read, x_TD, codes_TF, linear_decoded(state, codes_TF, "b_dec"))
    assert read.config["architecture"] == "jumprelu"


def test_batch_topk_without_an_estimate_keeps_the_k_largest_and_says_so(tmp_path: Path) -> None:
    state, x_TD = random_weights(**ENCODER, b_dec=(D,)), activations()
    codes_TF = top_k(linear_pre(state, x_TD, "b_dec"), K)
    read = read_foreign(written(tmp_path, "BatchTopKSAE", counted(state, -1.0)))
    assert_same(read, x_TD, codes_TF, linear_decoded(state, codes_TF, "b_dec"))
    assert (
        read.facts["note"]
        == "BatchTopKSAE whose threshold was never estimated: the 4 largest of each token fire instead"
    )


def test_matryoshka_is_a_batch_topk_in_another_layout(tmp_path: Path) -> None:
    state, x_TD = random_weights(**PLAIN), activations()
    stored = counted(state, 0.25) | {"group_sizes": torch.tensor([8, 16])}
    w = double(state)
    relu_TF = ((x_TD - w["b_dec"]) @ w["W_enc"] + w["b_enc"]).clamp_min(0)
    codes_TF = relu_TF * (relu_TF > 0.25)
    read = read_foreign(written(tmp_path, "MatryoshkaBatchTopKSAE", stored))
    assert_same(read, x_TD, codes_TF, codes_TF @ w["W_dec"] + w["b_dec"])


def test_jumprelu_reads_activations_as_they_are(tmp_path: Path) -> None:
    state, x_TD = random_weights(**PLAIN, threshold=(F,)), activations()
    w = double(state)
    pre_TF = x_TD @ w["W_enc"] + w["b_enc"]
    codes_TF = (pre_TF * (pre_TF > w["threshold"])).clamp_min(0)
    read = read_foreign(written(tmp_path, "JumpReluAutoEncoder", state))
    assert_same(read, x_TD, codes_TF, codes_TF @ w["W_dec"] + w["b_dec"])
    assert not read.config["apply_b_dec_to_input"]


def gated(home: Path) -> tuple[ImportedDictionary, dict[str, Tensor]]:
    state = random_weights(
        **{"encoder.weight": (F, D), "decoder.weight": (D, F)},
        decoder_bias=(D,),
        r_mag=(F,),
        gate_bias=(F,),
        mag_bias=(F,),
    )
    return read_foreign(written(home, "GatedAutoEncoder", state)), state


def test_gated(tmp_path: Path) -> None:
    read, state = gated(tmp_path)
    w, x_TD = double(state), activations()
    encoded_TF = (x_TD - w["decoder_bias"]) @ w["encoder.weight"].T
    value_TF = (w["r_mag"].exp() * encoded_TF + w["mag_bias"]).clamp_min(0)
    codes_TF = (encoded_TF + w["gate_bias"] > 0) * value_TF
    assert_same(read, x_TD, codes_TF, codes_TF @ w["decoder.weight"].T + w["decoder_bias"])


def test_a_class_that_nothing_reads_is_said(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"dict_class is 'CrossCoder', wanted one of AutoEncoder, "):
        read_foreign(written(tmp_path, "CrossCoder", {}))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"bias": None}, r"ae.pt lacks bias; it holds decoder.weight, encoder.bias, encoder.weight"),
        ({"b_dec": torch.ones(D)}, r"ae.pt holds b_dec, which such a dictionary does not have"),
        (
            {"encoder.weight": torch.ones(D, F)},
            r"ae.pt: encoder.weight is \[8, 24\], wanted \[24, 8\]: it is transposed",
        ),
        ({"bias": torch.ones(D + 1)}, r"ae.pt: bias is \[9\], wanted \[8\]: its width is another"),
        ({"bias": torch.full((D,), torch.nan)}, "bias holds NaN or Inf"),
        ({"bias": "none"}, "bias is a str, wanted a tensor"),
    ],
)
def test_damaged_tensors_are_named(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    state = random_weights(**ENCODER, bias=(D,)) | changes
    folder = written(tmp_path, "AutoEncoder", {name: tensor for name, tensor in state.items() if tensor is not None})
    with pytest.raises(ValueError, match=said):
        read_foreign(folder)


class Harmful:
    """Unpickling it would write a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.path,))


def test_code_in_a_file_is_never_run(tmp_path: Path) -> None:
    folder = written(tmp_path, "AutoEncoder", random_weights(**ENCODER, bias=(D,)))
    torch.save({"bias": Harmful(tmp_path / "ran")}, tmp_path / "ae.pt")
    with pytest.raises(
        ValueError, match=r"ae.pt is damaged, or holds more than tensors and plain values, which is never run"
    ):
        read_foreign(folder)
    assert not (tmp_path / "ran").exists()


def test_a_file_that_was_cut_short_is_said(tmp_path: Path) -> None:
    folder = written(tmp_path, "AutoEncoder", random_weights(**ENCODER, bias=(D,)))
    whole = (tmp_path / "ae.pt").read_bytes()
    (tmp_path / "ae.pt").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"ae.pt is damaged"):
        read_foreign(folder)
