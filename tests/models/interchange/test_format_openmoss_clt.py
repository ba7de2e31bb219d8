"""A cross-layer transcoder of OpenMOSS comes in as slices that read raw activations and write what its formula says."""

import json
import math
from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import Tensor

from models.dictionaries.architectures.cross_layer_transcoder import TO, CrossLayerSlice
from models.dictionaries.cross_layer_set import CrossLayerTranscoders, written_to
from models.dictionaries.saelens_format import from_saelens
from models.dictionaries.tensor_checks import UnreadableDictionary
from models.interchange.set_import import read_block
from storage.folder import Folder

L, F, D = 3, 12, 6
LOG = "activation_function.log_jumprelu_threshold"
READ, WRITTEN = ([f"blocks.{i}.{name}" for i in range(L)] for name in ("ln2.hook_normalized", "hook_mlp_out"))
NORMS = {hook: 2.0 + number for number, hook in enumerate([*READ, *WRITTEN])}
CONFIG = {
    "sae_type": "clt",
    "d_model": D,
    "expansion_factor": F / D,
    "hook_points_in": READ,
    "hook_points_out": WRITTEN,
}


def saved(folder: Path, **config: object) -> dict[str, Tensor]:
    """As the library lays them out: decoders by written block, then by the block that is read."""
    chance = torch.Generator().manual_seed(0)
    shapes: dict[str, tuple[int, ...]] = {"W_E": (L, D, F), "b_E": (L, F)}
    if config["act_fn"] == "jumprelu":
        shapes[LOG] = (L, F)
    for m in range(L):
        shapes |= {f"W_D.{m}": (m + 1, F, D), f"b_D.{m}": (D,)}
    tensors = {name: torch.randn(*shape, generator=chance) for name, shape in shapes.items()}
    norms = {f"dataset_average_activation_norm.{hook}": torch.tensor(norm) for hook, norm in NORMS.items()}
    safetensors.torch.save_file(tensors | norms, folder / "sae_weights.safetensors")
    (folder / "config.json").write_text(json.dumps(CONFIG | config))
    return tensors


def slices(folder: Path) -> CrossLayerTranscoders:
    found = {}
    for block in range(L):
        read = read_block(Folder(str(folder)), block)
        assert read is not None
        sae = from_saelens(read.config, read.tensors)
        assert isinstance(sae, CrossLayerSlice)
        found[block] = sae
    return CrossLayerTranscoders(found)


@pytest.mark.parametrize("by_norm", [True, False])
@pytest.mark.parametrize("act_fn", ["jumprelu", "relu"])
@pytest.mark.parametrize("scaled", [True, False])
def test_what_is_read_writes_what_the_formula_says(tmp_path: Path, act_fn: str, by_norm: bool, scaled: bool) -> None:
    norming = "dataset-wise" if scaled else "inference"
    tensors = saved(tmp_path, act_fn=act_fn, sparsity_include_decoder_norm=by_norm, norm_activation=norming)
    kept = slices(tmp_path)
    read = {i: torch.randn(7, D, generator=torch.Generator().manual_seed(i)) for i in range(L)}
    factor = {hook: math.sqrt(D) / norm if scaled else 1.0 for hook, norm in NORMS.items()}
    acts = {}
    for i, x in read.items():
        pre = (x * factor[READ[i]]) @ tensors["W_E"][i] + tensors["b_E"][i]
        norm = torch.ones(F)
        if by_norm:
            norm = torch.cat([tensors[f"W_D.{m}"][i] for m in range(i, L)], dim=1).norm(dim=1)
        level = tensors[LOG][i].exp() if act_fn == "jumprelu" else 0.0
        acts[i] = pre * (pre * norm > level)
    codes = {i: kept.encode(i, x) for i, x in read.items()}
    for i, wanted in acts.items():
        torch.testing.assert_close(codes[i].dense(), wanted)
    for m in range(L):
        scaled_TD = tensors[f"b_D.{m}"] + sum(acts[i] @ tensors[f"W_D.{m}"][i] for i in range(m + 1))
        torch.testing.assert_close(written_to(kept, m, read, codes), scaled_TD / factor[WRITTEN[m]])


def test_only_the_rows_of_a_block_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of all blocks grows with their square: the whole of it for each block would not fit into memory."""
    saved(tmp_path, act_fn="relu")
    monkeypatch.delattr(safetensors.torch, "load_file")
    read = read_block(Folder(str(tmp_path)), 2)
    assert read is not None
    assert sorted(name for name in read.tensors if name.startswith(TO)) == []


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    def refusal(block: int = 0) -> str:
        with pytest.raises(UnreadableDictionary) as refused:
            read_block(Folder(str(tmp_path)), block)
        return str(refused.value)

    saved(tmp_path, act_fn="batchtopk")
    assert "compares features of a token with each other" in refusal()
    saved(tmp_path, act_fn="jumprelu")
    assert "holds a transcoder of 3 blocks, 0 to 2, and block 3 was asked for" in refusal(3)
    saved(tmp_path, act_fn="jumprelu", expansion_factor=3)
    assert "W_D.0 is [12, 6], wanted [18, 6]" in refusal()
