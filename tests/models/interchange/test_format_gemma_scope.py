"""Gemma Scope: an archive of arrays, and a path that says where it belongs."""

from pathlib import Path

import numpy as np
import pytest
from foreign_dense import D, F, activations, assert_same, double, random_weights
from torch import Tensor

from models.interchange.sae_import import read_foreign
from storage.folder import Folder

SHAPES = {"W_enc": (D, F), "W_dec": (F, D), "b_enc": (F,), "b_dec": (D,), "threshold": (F,)}
LAYER = "models--google--gemma-scope-2b-pt-res/snapshots/0a1b/layer_12/width_16k/average_l0_82"


def written(folder: Path, **arrays: np.ndarray) -> Folder:
    folder.mkdir(parents=True)
    np.savez(folder / "params.npz", **arrays)  # pyright: ignore[reportArgumentType]
    return Folder(str(folder))


def drawn() -> dict[str, Tensor]:
    return random_weights(**SHAPES)


def arrays(tensors: dict[str, Tensor]) -> dict[str, np.ndarray]:
    return {name: tensor.numpy() for name, tensor in tensors.items()}


def jumped(tensors: dict[str, Tensor], x_TD: Tensor) -> tuple[Tensor, Tensor]:
    """The reference of the authors: relu(pre) where pre > threshold; the input is taken as it is."""
    w = double(tensors)
    pre_TF = x_TD @ w["W_enc"] + w["b_enc"]
    codes_TF = pre_TF.clamp_min(0) * (pre_TF > w["threshold"])
    return codes_TF, codes_TF @ w["W_dec"] + w["b_dec"]


@pytest.mark.parametrize("lower", [False, True])
def test_a_dictionary_of_the_residual_stream(tmp_path: Path, lower: bool) -> None:
    tensors, x_TD = drawn(), activations()
    held = arrays(tensors)
    if lower:
        held = {name.replace("W_", "w_"): array for name, array in held.items()}
    read = read_foreign(written(tmp_path / LAYER, **held))
    assert_same(read, x_TD, *jumped(tensors, x_TD))
    assert (read.format, read.config["architecture"]) == ("gemma_scope", "jumprelu")
    hook = "blocks.12.hook_resid_post"
    assert read.facts == {
        "model_name": "google/gemma-2-2b", "hook_name": hook, "hook_in": hook, "hook_out": hook, "layer": 12, "l0": 82,
    }  # fmt: skip


def test_elsewhere_nothing_is_said_of_where_it_belongs(tmp_path: Path) -> None:
    assert read_foreign(written(tmp_path / "mine", **arrays(drawn()))).facts == {}


def test_a_transcoder_is_known_by_its_repository(tmp_path: Path) -> None:
    read = read_foreign(written(tmp_path / LAYER.replace("res", "transcoders"), **arrays(drawn())))
    assert read.config["architecture"] == "jumprelu_transcoder"
    assert (read.facts["hook_in"], read.facts["hook_out"]) == (
        "blocks.12.ln2.hook_normalized",
        "blocks.12.hook_mlp_out",
    )


def test_embeddings_are_read_as_the_model_scales_them(tmp_path: Path) -> None:
    """The dictionary was trained on embeddings e; what the model reads, and a hook on it sees, is √d · e."""
    tensors, e_TD = drawn(), activations()
    codes_TF, written_TD = jumped(tensors, e_TD)
    path = tmp_path / "models--google--gemma-scope-2b-pt-res/snapshots/0a1b/embedding/width_4k/average_l0_6"
    read = read_foreign(written(path, **arrays(tensors)))
    assert_same(read, e_TD * D**0.5, codes_TF, written_TD * D**0.5)
    assert read.facts["hook_name"] == "hook_embed"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"threshold": None}, "params.npz lacks threshold; it holds W_dec, W_enc, b_dec, b_enc"),
        ({"b_enc": None}, "params.npz lacks b_enc"),
        ({"W_skip": np.ones((D, D))}, "params.npz holds W_skip, which such a dictionary does not have"),
        ({"W_enc": np.ones((F, D))}, r"W_enc is \[24, 8\], wanted \[8, 24\]: it is transposed"),
        ({"threshold": np.ones(F + 1)}, r"threshold is \[25\], wanted \[24\]: its width is another"),
        ({"b_dec": np.ones((2, D))}, r"b_dec is \[2, 8\], wanted a vector"),
        ({"b_dec": np.full(D, np.inf)}, "b_dec holds NaN or Inf"),
        ({"b_dec": np.array([{}])}, "params.npz is cut short or damaged .*allow_pickle=False"),
    ],
)
def test_damaged_arrays_are_named(tmp_path: Path, changes: dict[str, np.ndarray | None], said: str) -> None:
    held = {name: array for name, array in (arrays(drawn()) | changes).items() if array is not None}
    with pytest.raises(ValueError, match=said):
        read_foreign(written(tmp_path / "mine", **held))


@pytest.mark.parametrize("kept", [0, 10, 1500])
def test_an_archive_that_was_cut_short_is_said(tmp_path: Path, kept: int) -> None:
    folder = written(tmp_path / "mine", **arrays(drawn()))
    path = tmp_path / "mine" / "params.npz"
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(ValueError, match=r"params.npz is cut short or damaged"):
        read_foreign(folder)
