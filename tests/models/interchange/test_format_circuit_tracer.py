"""A cross-layer transcoder of circuit-tracer comes in as slices that write what the formula says, and goes out."""

from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import Tensor

from models.dictionaries.architectures.cross_layer_transcoder import CrossLayerSlice
from models.dictionaries.cross_layer_set import CrossLayerTranscoders, written_to
from models.dictionaries.saelens_format import from_saelens
from models.dictionaries.tensor_checks import UnreadableDictionary
from models.interchange.set_formats.circuit_tracer import write
from models.interchange.set_import import read_block
from storage.folder import Folder

L, F, D = 3, 10, 6
CONFIG = "model_name: gpt2\nmodel_kind: cross_layer_transcoder\nfeature_input_hook: mlp.hook_in\n"


@pytest.fixture
def tensors(tmp_path: Path) -> dict[str, Tensor]:
    """As the other library writes them: encoder rows by feature, decoders by feature and written block."""
    chance = torch.Generator().manual_seed(0)
    found: dict[str, Tensor] = {}
    for i in range(L):
        shapes = {f"W_enc_{i}": (F, D), f"b_enc_{i}": (F,), f"b_dec_{i}": (D,), f"threshold_{i}": (F,)}
        encoder = {name: torch.randn(*shape, generator=chance) for name, shape in shapes.items()}
        encoder[f"threshold_{i}"] = encoder[f"threshold_{i}"].abs()
        decoder = {f"W_dec_{i}": torch.randn(F, L - i, D, generator=chance)}
        safetensors.torch.save_file(encoder, tmp_path / f"W_enc_{i}.safetensors")
        safetensors.torch.save_file(decoder, tmp_path / f"W_dec_{i}.safetensors")
        found |= encoder | decoder
    (tmp_path / "config.yaml").write_text(CONFIG + "feature_output_hook: hook_mlp_out\n")
    return found


def slices(folder: Path) -> dict[int, CrossLayerSlice]:
    found = {}
    for block in range(L):
        read = read_block(Folder(str(folder)), block)
        assert read is not None
        sae = from_saelens(read.config, read.tensors)
        assert isinstance(sae, CrossLayerSlice)
        found[block] = sae
    return found


def test_what_is_read_writes_what_the_formula_says(tensors: dict[str, Tensor], tmp_path: Path) -> None:
    kept = CrossLayerTranscoders(slices(tmp_path))
    read = {i: torch.randn(7, D, generator=torch.Generator().manual_seed(i)) for i in range(L)}
    acts = {}
    for i, x in read.items():
        pre = torch.einsum("td,fd->tf", x, tensors[f"W_enc_{i}"]) + tensors[f"b_enc_{i}"]
        acts[i] = pre * (pre > tensors[f"threshold_{i}"])
    codes = {i: kept.encode(i, x) for i, x in read.items()}
    for m in range(L):
        wanted = tensors[f"b_dec_{m}"] + sum(acts[i] @ tensors[f"W_dec_{i}"][:, m - i] for i in range(m + 1))
        torch.testing.assert_close(written_to(kept, m, read, codes), wanted)


def test_what_is_written_is_what_was_read(tensors: dict[str, Tensor], tmp_path: Path) -> None:
    out = tmp_path / "out"
    write(slices(tmp_path), Folder(str(out)), "gpt2", "mlp_in", "mlp_out")
    again: dict[str, Tensor] = {}
    for file in out.glob("*.safetensors"):
        again |= safetensors.torch.load_file(file)
    assert again.keys() == tensors.keys()
    assert all(torch.equal(again[name], t) for name, t in tensors.items())


def test_the_file_says_where_each_block_belongs(tensors: dict[str, Tensor], tmp_path: Path) -> None:
    read = read_block(Folder(str(tmp_path)), 2)
    assert read is not None
    assert read.facts["model_name"] == "gpt2"
    assert (read.facts["hook_in"], read.facts["hook_out"]) == ("blocks.2.mlp.hook_in", "blocks.2.hook_mlp_out")


def test_what_does_not_fit_is_said(tensors: dict[str, Tensor], tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    with pytest.raises(UnreadableDictionary, match="3 blocks, 0 to 2, and block 3 was asked for"):
        read_block(folder, 3)
    with pytest.raises(ValueError, match=r"all blocks from 0 on, and the transcoder has \[1, 2\]"):
        write({i: sae for i, sae in slices(tmp_path).items() if i}, folder, "gpt2", "mlp_in", "mlp_out")
    safetensors.torch.save_file({"W_dec_1": torch.zeros(F, L, D)}, tmp_path / "W_dec_1.safetensors")
    with pytest.raises(UnreadableDictionary, match=r"W_dec_1 is \[10, 3, 6\], wanted \[10, 2, 6\]"):
        read_block(folder, 1)
    (tmp_path / "config.yaml").write_text("model_kind: transcoder_set\n")
    with pytest.raises(UnreadableDictionary, match="model_kind='transcoder_set'"):
        read_block(folder, 0)
    assert read_block(Folder(str(tmp_path / "nothing")), 0) is None
