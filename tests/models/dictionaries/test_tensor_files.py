"""Names that torch.compile and DataParallel put before tensors are taken off, whichever library wrote the file."""

from pathlib import Path

import pytest
import safetensors.torch
import torch

from models.dictionaries.tensor_checks import UnreadableDictionary
from models.dictionaries.tensor_files import read_safetensors, read_torch
from models.interchange.sae_import import read_foreign
from storage.folder import Folder

PLAIN = {"encoder.weight": torch.ones(3, 2), "encoder.bias": torch.ones(3), "b_dec": torch.zeros(2)}


@pytest.mark.parametrize("prefix", ["_orig_mod.", "module.", "module._orig_mod.", "_orig_mod.module."])
def test_prefixes_are_taken_off(tmp_path: Path, prefix: str):
    wrapped = {f"{prefix}{name}": tensor for name, tensor in PLAIN.items()}
    safetensors.torch.save_file(wrapped, tmp_path / "a.safetensors")
    torch.save(wrapped, tmp_path / "a.pt")
    for found in (read_safetensors(Folder(str(tmp_path)), "a.safetensors"), read_torch(Folder(str(tmp_path)), "a.pt")):
        assert found.keys() == PLAIN.keys()
        assert all(torch.equal(found[name], tensor) for name, tensor in PLAIN.items())


def test_a_part_may_have_been_compiled_by_itself(tmp_path: Path):
    wrapped = {name.replace("encoder.", "encoder._orig_mod."): tensor for name, tensor in PLAIN.items()}
    safetensors.torch.save_file(wrapped, tmp_path / "a.safetensors")
    assert read_safetensors(Folder(str(tmp_path)), "a.safetensors").keys() == PLAIN.keys()


def test_a_name_of_one_tensor_only_is_kept(tmp_path: Path):
    safetensors.torch.save_file({"module.a": torch.ones(1), "b": torch.ones(1)}, tmp_path / "a.safetensors")
    assert read_safetensors(Folder(str(tmp_path)), "a.safetensors").keys() == {"module.a", "b"}


def test_two_tensors_of_one_name_are_refused(tmp_path: Path):
    torch.save({"b_dec": torch.ones(1), "_orig_mod.b_dec": torch.zeros(1)}, tmp_path / "a.pt")
    with pytest.raises(UnreadableDictionary, match=r"a.pt holds b_dec twice, .*\(_orig_mod.b_dec\): keep one"):
        read_torch(Folder(str(tmp_path)), "a.pt")


def test_a_compiled_dictionary_with_a_bias_in_a_row_is_the_dictionary(tmp_path: Path):
    """SAELens's layout, as `state_dict()` of a compiled module gives it."""
    chance = torch.Generator().manual_seed(0)
    shapes = {"W_enc": (4, 6), "W_dec": (6, 4), "b_enc": (6,), "b_dec": (4,)}
    tensors = {name: torch.randn(shape, generator=chance) for name, shape in shapes.items()}
    config = (
        '{"architecture": "standard", "d_in": 4, "d_sae": 6, "metadata": {"sae_lens_version": "6.1.0"}, '
        '"normalize_activations": "none"}'
    )
    changed = {f"_orig_mod.{name}": t for name, t in (tensors | {"b_dec": tensors["b_dec"][None]}).items()}
    for name, held in (("plain", tensors), ("compiled", changed)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "cfg.json").write_text(config)
        safetensors.torch.save_file(held, tmp_path / name / "sae_weights.safetensors")
    plain, compiled = (read_foreign(Folder(str(tmp_path / name))) for name in ("plain", "compiled"))
    assert all(torch.equal(plain.tensors[name], compiled.tensors[name]) for name in shapes)
