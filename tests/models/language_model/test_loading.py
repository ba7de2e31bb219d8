"""Checkpoints: the same model from a folder, S3 and the hub's cache; what cannot or must not be loaded is said."""

import hashlib
import json
import shutil
from pathlib import Path

import pytest
import safetensors.torch
import torch
from tiny_models import make_tiny, save_tiny

from models.language_model.hooked_model import HookedModel, load_tokenizer
from models.language_model.loading import UnusableModel, open_model_files
from models.language_model.module_map import UnknownArchitecture
from models.language_model.sites import Site
from storage.folder import Folder


@pytest.fixture(scope="module")
def saved(tmp_path_factory) -> Path:
    return save_tiny("llama", tmp_path_factory.mktemp("llama"))


@pytest.fixture
def folder(saved, tmp_path) -> Path:
    """A copy that a test may spoil."""
    return shutil.copytree(saved, tmp_path / "model")


@pytest.fixture
def token_ids() -> torch.Tensor:
    return torch.randint(5, 200, (1, 8), generator=torch.Generator().manual_seed(0))


def _equal(found: torch.Tensor | None, wanted: torch.Tensor | None) -> bool:
    return found is not None and wanted is not None and torch.equal(found, wanted)


def _upload(folder: Path, url: str) -> str:
    for path in folder.iterdir():
        Folder(url).write_bytes(path.name, path.read_bytes())
    return url


def test_a_host_is_the_model_in_the_folder(saved, token_ids):
    from transformers import AutoModelForCausalLM

    host = HookedModel.load(str(saved))
    plain = AutoModelForCausalLM.from_pretrained(saved)(input_ids=token_ids.to(host.device))
    assert _equal(host.forward(token_ids), plain.logits)
    assert host.weights_sha256 == hashlib.sha256((saved / "model.safetensors").read_bytes()).hexdigest()
    assert host.source == str(saved)
    assert host.tokenizer("a b")["input_ids"][0] == host.tokenizer.bos_token_id
    assert not host.model.training


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize("kind", ["gpt2", "gemma3", "bert"])
def test_half_precision_keeps_the_maps_promises(tmp_path, token_ids, kind, dtype):
    host = HookedModel.load(str(save_tiny(kind, tmp_path)), dtype=dtype)
    with host.capture([Site("resid_post", 1)]) as found:
        host.forward(token_ids)
    assert found[Site("resid_post", 1)].dtype == getattr(torch, dtype)


def test_a_model_in_several_files_is_hashed_as_its_files_in_order(saved, tmp_path, token_ids):
    whole = HookedModel.load(str(saved))
    whole.model.save_pretrained(tmp_path, max_shard_size="60KB")
    whole.tokenizer.save_pretrained(tmp_path)
    files = sorted(tmp_path.glob("*.safetensors"))
    assert len(files) > 2
    host = HookedModel.load(str(tmp_path))
    assert _equal(host.forward(token_ids), whole.forward(token_ids))
    assert host.weights_sha256 == hashlib.sha256(b"".join(f.read_bytes() for f in files)).hexdigest()
    files[1].unlink()
    with pytest.raises(UnusableModel, match=f"has no weights: {files[1].name} missing"):
        HookedModel.load(str(tmp_path))


@pytest.mark.slow
def test_a_model_on_s3_is_the_one_in_the_folder(saved, s3, token_ids, tmp_path):
    url = _upload(saved, f"{s3}/models/tiny")
    local, remote = HookedModel.load(str(saved)), HookedModel.load(url)
    assert _equal(remote.forward(token_ids), local.forward(token_ids))
    assert (remote.weights_sha256, remote.revision) == (local.weights_sha256, local.revision)
    assert load_tokenizer(url)("def f")["input_ids"] == local.tokenizer("def f")["input_ids"]


def test_a_cache_is_filled_once_and_a_model_that_changed_has_its_own_place(saved, s3, tmp_path, monkeypatch):
    url = _upload(saved, f"{s3}/tiny")
    first = HookedModel.load(url, cache=tmp_path)
    fetched = []
    get_file = Folder(url).filesystem.get_file
    monkeypatch.setattr(Folder(url).filesystem, "get_file", lambda *a, **k: (fetched.append(a[0]), get_file(*a, **k)))
    again = HookedModel.load(url, cache=tmp_path)
    assert fetched == []
    assert again.weights_sha256 == first.weights_sha256
    tensors = {name: tensor * 1.01 for name, tensor in safetensors.torch.load_file(saved / "model.safetensors").items()}
    Folder(url).write_bytes("model.safetensors", safetensors.torch.save(tensors, {"format": "pt"}))
    changed = HookedModel.load(url, cache=tmp_path)
    assert changed.weights_sha256 != first.weights_sha256
    assert changed.revision != first.revision
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([first.revision, changed.revision])


def test_a_download_without_a_cache_leaves_nothing_behind(saved, s3):
    with open_model_files(_upload(saved, f"{s3}/tiny"), weights=False) as files:
        where = files.folder
        assert (where / "tokenizer.json").exists()
        assert not (where / "model.safetensors").exists()
    assert not where.exists()


def test_the_hubs_cache_is_enough_offline_and_gives_the_commit(saved, tmp_path, monkeypatch, token_ids):
    commit = "0123456789abcdef0123456789abcdef01234567"
    repository = tmp_path / "models--someone--tiny"
    shutil.copytree(saved, repository / "snapshots" / commit)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(commit)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    host = HookedModel.load("someone/tiny")
    assert host.revision == commit
    assert _equal(host.forward(token_ids), HookedModel.load(str(saved)).forward(token_ids))


def test_a_source_that_is_neither_folder_nor_on_the_hub_is_said():
    with pytest.raises(UnusableModel, match=r"'no-such/model' \(revision default\) is no folder here and could not be"):
        HookedModel.load("no-such/model")
    with pytest.raises(UnusableModel, match="is no folder here"):
        load_tokenizer("/no/such/folder")


def test_missing_files_are_named(folder):
    (folder / "model.safetensors").rename(folder / "other.safetensors")
    with pytest.raises(UnusableModel, match=r"has no weights: model.safetensors missing, found config.json, .*other"):
        HookedModel.load(str(folder))
    (folder / "config.json").unlink()
    with pytest.raises(UnusableModel, match=r"holds no model: no config.json among generation_config.json, "):
        HookedModel.load(str(folder))


@pytest.mark.parametrize("beside", [[], ["tokenizer.json"]])
def test_a_gguf_file_is_told_to_be_converted(tmp_path, folder, beside):
    (tmp_path / "gguf").mkdir()
    (tmp_path / "gguf" / "m.Q4_1.gguf").write_bytes(b"GGUF")
    for name in beside:
        shutil.copy(folder / name, tmp_path / "gguf")
    for load in (HookedModel.load, load_tokenizer):
        with pytest.raises(UnusableModel, match=r"as GGUF \(m.Q4_1.gguf\), wanted config.json, .*convert it once"):
            load(str(tmp_path / "gguf"))
    with pytest.raises(UnusableModel, match=r"as GGUF \(.*m.Q4_1.gguf\)"):
        HookedModel.load(str(tmp_path / "gguf" / "m.Q4_1.gguf"))


def test_a_model_of_images_is_told_that_language_models_are_read(tmp_path):
    from transformers import ViTConfig, ViTModel

    config = ViTConfig(hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, image_size=8)
    ViTModel(config).save_pretrained(tmp_path)
    for load in (HookedModel.load, load_tokenizer):
        with pytest.raises(UnknownArchitecture, match="ViTModel is a vision model, and its card gives text"):
            load(str(tmp_path))


@pytest.mark.parametrize("positions", [1, 3])
def test_a_model_of_few_positions_is_proven_on_as_many_tokens(tmp_path, positions):
    """Modular addition, a + b = c, is read in contexts of three."""
    from transformers import GPT2Config, GPT2LMHeadModel

    saved = save_tiny("gpt2", tmp_path / "gpt2")
    config = GPT2Config.from_pretrained(saved, n_positions=positions)
    torch.manual_seed(0)
    GPT2LMHeadModel(config).save_pretrained(saved)
    host = HookedModel.load(str(saved))
    assert host.n_layers == config.n_layer
    with host.capture([Site("resid_post", 0)]) as found:
        host.forward(torch.arange(5, 5 + positions)[None])
    assert found[Site("resid_post", 0)].shape == (1, positions, config.n_embd)


@pytest.mark.parametrize("pickle", ["pytorch_model.bin", pytest.param("model.pt", marks=pytest.mark.slow)])
def test_pickled_weights_are_refused_with_the_way_out_and_never_read(folder, pickle, s3):
    (folder / "model.safetensors").unlink()
    (folder / pickle).write_bytes(b"cos\nsystem\n(S'touch /tmp/owned'\ntR.")
    for source in (str(folder), _upload(folder, f"{s3}/pickled")):
        with pytest.raises(
            UnusableModel, match=rf"weights as pickles \({pickle}\).*wanted safetensors.*save_pretrained"
        ):
            HookedModel.load(source)


def test_safetensors_are_taken_where_pickles_lie_beside_them(folder, saved):
    (folder / "pytorch_model.bin").write_bytes(b"not read")
    assert HookedModel.load(str(folder)).weights_sha256 == HookedModel.load(str(saved)).weights_sha256


def test_a_missing_or_broken_tokenizer_is_said(folder):
    (folder / "tokenizer.json").write_text('{"version": "1.0", "model": 3}')
    with pytest.raises(UnusableModel, match="its tokenizer cannot be read"):
        load_tokenizer(str(folder))
    (folder / "tokenizer.json").unlink()
    with pytest.raises(UnusableModel, match=r"has no tokenizer: wanted one of tokenizer\.json"):
        HookedModel.load(str(folder))


@pytest.mark.parametrize("damage", ["truncated", "header"])
def test_damaged_weights_are_said(folder, damage):
    path = folder / "model.safetensors"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2] if damage == "truncated" else b"\xff" * 16 + whole[16:])
    with pytest.raises(UnusableModel, match="its weights cannot be read"):
        HookedModel.load(str(folder))


def test_weights_that_lack_a_tensor_or_have_another_shape_are_said(folder):
    path = folder / "model.safetensors"
    tensors = safetensors.torch.load_file(path)
    wrong = tensors | {"lm_head.weight": tensors["lm_head.weight"][:, :-1].contiguous()}
    safetensors.torch.save_file(wrong, path, {"format": "pt"})
    with pytest.raises(
        UnusableModel, match=r"1 tensors .* of another shape than config\.json says, among them lm_head\.weight"
    ):
        HookedModel.load(str(folder))
    tensors.pop("model.layers.1.mlp.up_proj.weight")
    safetensors.torch.save_file(tensors, path, {"format": "pt"})
    with pytest.raises(
        UnusableModel, match=r"1 tensors that LlamaForCausalLM needs are missing .*model\.layers\.1\.mlp\.up"
    ):
        HookedModel.load(str(folder))


@pytest.mark.parametrize("prefix", ["_orig_mod.", "model._orig_mod."])
def test_the_weights_of_a_compiled_model_are_those_of_the_model(folder, saved, token_ids, prefix):
    path = folder / "model.safetensors"
    inner = prefix.removesuffix("_orig_mod.")
    tensors = safetensors.torch.load_file(path)
    renamed = {name.replace(inner, prefix, 1) if name.startswith(inner) else name: t for name, t in tensors.items()}
    assert renamed.keys() != tensors.keys()
    safetensors.torch.save_file(renamed, path, {"format": "pt"})
    found, wanted = (HookedModel.load(str(one)).forward(token_ids) for one in (folder, saved))
    assert _equal(found, wanted)


@pytest.mark.parametrize("beside", [True, False])
def test_an_adapter_is_told_to_be_merged(folder, beside):
    (folder / "adapter_config.json").write_text('{"base_model_name_or_path": "org/base", "peft_type": "LORA"}')
    if not beside:
        (folder / "config.json").unlink()
        (folder / "model.safetensors").rename(folder / "adapter_model.safetensors")
    with pytest.raises(
        UnusableModel, match=r"adapter .*changes org/base and is no model: merge it first.*merge_and_unl"
    ):
        HookedModel.load(str(folder))
    with pytest.raises(UnusableModel, match="merge it first"):
        load_tokenizer(str(folder))


def test_a_folder_has_no_revision_and_a_dtype_is_one_of_three(saved):
    with pytest.raises(UnusableModel, match="is a folder and holds one version, but revision 'main' is asked for"):
        HookedModel.load(str(saved), "main")
    with pytest.raises(ValueError, match="dtype 'int8' is not one of bfloat16, float16, float32"):
        HookedModel.load(str(saved), dtype="int8")


def test_an_architecture_that_nobody_knows_is_said_and_its_code_is_not_run(folder, tmp_path):
    config = json.loads((folder / "config.json").read_bytes())
    config |= {"model_type": "grue", "auto_map": {"AutoConfig": "code.C", "AutoModelForCausalLM": "code.M"}}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "code.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nclass C: pass\nclass M: pass\n")
    with pytest.raises(UnknownArchitecture, match=r"transformers does not know model_type 'grue'.*Known are GPT-2"):
        HookedModel.load(str(folder))
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("mamba", r"block 0 is not the sum of its input and of what two of its modules say.*one more row of FAMILIES"),
        ("t5", "neither a causal language model nor an encoder"),
    ],
)
def test_a_model_whose_map_is_not_known_or_does_not_fit_is_refused(tmp_path, kind, said):
    with pytest.raises(UnknownArchitecture, match=said):
        HookedModel.load(str(save_tiny(kind, tmp_path)))


def test_an_encoder_without_a_head_is_read_and_has_no_logits(tmp_path, token_ids):
    from transformers import AutoModel, BertModel

    masked = HookedModel.load(str(save_tiny("bert", tmp_path / "masked")))
    BertModel(masked.model.config).save_pretrained(tmp_path / "bare")
    masked.tokenizer.save_pretrained(tmp_path / "bare")
    host = HookedModel.load(str(tmp_path / "bare"))
    with host.capture([Site("resid_post", 2)], stop_early=False) as found:
        assert host.forward(token_ids) is None
    plain = AutoModel.from_pretrained(tmp_path / "bare").eval()(input_ids=token_ids.to(host.device))
    assert torch.equal(found[Site("resid_post", 2)], plain.last_hidden_state)
    assert not host.is_causal


def test_the_same_kind_is_saved_the_same_every_time(saved, tmp_path):
    again = make_tiny("llama", tmp_path)
    for name in ("model.safetensors", "tokenizer.json", "config.json"):
        assert (again / name).read_bytes() == (saved / name).read_bytes()
