"""Which format a folder is in, and where a source lies: nearby, on S3, or in a snapshot of the hub."""

import json
from pathlib import Path

import pytest
import torch
from foreign_dense import D, F, random_weights, save

from models.interchange.sae_import import fetch, formats, layer_of, read_foreign
from storage.folder import Folder

COMMIT = "0123456789abcdef0123456789abcdef01234567"
SHAPES = {"W_enc": (D, F), "W_dec": (F, D), "b_enc": (F,), "b_dec": (D,)}
CONFIG = {"architecture": "standard", "d_in": D, "d_sae": F, "metadata": {"sae_lens_version": "6.0.0-rc.1"}}


def dictionary(folder: Path) -> Path:
    return save(folder, "cfg.json", CONFIG, "sae_weights.safetensors", random_weights(**SHAPES))


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A snapshot of a repository in the hub's cache, as a download leaves it; the network is off."""
    cache = tmp_path / "hub"
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(cache))
    repository = cache / "models--owner--saes"
    snapshot = repository / "snapshots" / COMMIT
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text(COMMIT)
    dictionary(snapshot / "layer_3")
    torch.save({}, snapshot / "0.pt")
    files = sorted(path for path in snapshot.rglob("*") if path.is_file())
    tree = {str(path.relative_to(snapshot)): {"size": path.stat().st_size, "blob_id": "0"} for path in files}
    (repository / "trees").mkdir()
    (repository / "trees" / f"{COMMIT}.json").write_text(json.dumps(tree))
    return snapshot


def test_every_format_says_what_it_recognises_reads_and_wants_fetched() -> None:
    assert set(formats()) == {
        "dictionary_learning", "gemma_scope", "gemma_scope_2", "llama_scope", "openai", "openmoss", "qwen_scope",
        "saelens6", "saelens_legacy", "sparsify",
    }  # fmt: skip
    for module in formats().values():
        assert callable(module.recognises)
        assert callable(module.read)
        assert isinstance(module.FILES, tuple)


def test_a_format_that_is_named_is_not_asked_whether_it_recognises_the_folder(tmp_path: Path) -> None:
    dictionary(tmp_path)
    (tmp_path / "params.npz").write_bytes(b"")
    with pytest.raises(
        ValueError, match=r"could be gemma_scope or saelens6 \(it holds cfg.json, params.npz, sae_weights"
    ):
        read_foreign(Folder(str(tmp_path)))
    assert read_foreign(Folder(str(tmp_path)), "saelens6").config["d_sae"] == F


def test_a_folder_of_no_format_is_said(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("")
    (tmp_path / "layer_0").mkdir()
    with pytest.raises(
        ValueError, match=r"holds notes.txt, layer_0/, in which no format of dictionary_learning, gemma"
    ):
        read_foreign(Folder(str(tmp_path)))
    with pytest.raises(ValueError, match=r"format 'saelens' is none of dictionary_learning, .* or say auto"):
        read_foreign(Folder(str(tmp_path)), "saelens")


def test_a_folder_here_is_itself(tmp_path: Path) -> None:
    dictionary(tmp_path / "mine")
    assert fetch(f"{tmp_path}/mine") == Folder(f"{tmp_path}/mine")
    with pytest.raises(
        ValueError, match=r"/yours' is no folder and no file of weights here: .*hf:owner/repository/path"
    ):
        fetch(f"{tmp_path}/yours")


def test_one_file_hides_other_weights_but_not_configurations(tmp_path: Path) -> None:
    for name in ("0.pt", "1.pt", "config.json", "params.npz"):
        (tmp_path / name).write_bytes(b"")
    folder = fetch(f"{tmp_path}/1.pt")
    assert folder.names() == ["1.pt", "config.json"]
    assert [folder.exists(name) for name in ("0.pt", "1.pt", "config.json", "ae.pt")] == [False, True, True, False]
    with pytest.raises(
        ValueError, match=r"2.pt' is not there; beside it lie 0.pt, 1.pt, config.json, params.npz: name"
    ):
        fetch(f"{tmp_path}/2.pt")


def test_a_dictionary_on_s3_is_read_as_here(tmp_path: Path, s3: str) -> None:
    for path in dictionary(tmp_path).iterdir():
        (Folder(s3) / "mine").write_bytes(path.name, path.read_bytes())
    near, far = read_foreign(Folder(str(tmp_path))), read_foreign(fetch(f"{s3}/mine"))
    assert near.config == far.config
    assert all(torch.equal(near.tensors[name], far.tensors[name]) for name in near.tensors)


@pytest.mark.parametrize("revision", [None, "main", COMMIT])
def test_a_dictionary_on_the_hub_is_that_of_the_snapshot(hub: Path, revision: str | None) -> None:
    folder = fetch("hf:owner/saes/layer_3", revision)
    assert folder == Folder(f"{hub}/layer_3")
    assert read_foreign(folder).config["d_in"] == D


def test_one_file_on_the_hub(hub: Path) -> None:
    folder = fetch("hf:owner/saes/0.pt")
    assert (folder.url, folder.names()) == (str(hub), ["0.pt"])


@pytest.mark.parametrize(
    ("source", "revision", "said"),
    [
        (
            "hf:owner/none/layer_3",
            None,
            r"the hub did not give 'hf:owner/none/layer_3' \(revision default\): .* network",
        ),
        ("hf:owner/saes/layer_3", "v2", r"the hub did not give .* \(revision v2\)"),
        ("hf:owner/saes/layer_4", None, r"owner/saes \(revision default\) has at 'layer_4' no file that a dictionary"),
        ("hf:owner", None, r"'hf:owner' is not of the form hf:owner/repository\[/path\]"),
        ("hf:owner/saes/*", None, "is not of the form"),
    ],
)
def test_what_the_hub_does_not_give_is_said(hub: Path, source: str, revision: str | None, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        fetch(source, revision)


def test_only_files_that_a_format_reads_are_asked_of_the_hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[str] = []

    def snapshot_download(repository: str, *, revision: str | None, allow_patterns: list[str]) -> str:
        asked.extend(allow_patterns)
        (tmp_path / "layer_3").mkdir(exist_ok=True)
        (tmp_path / "0.pt").write_bytes(b"")
        return str(tmp_path)

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot_download)
    fetch("hf:owner/saes/layer_3")
    assert {"layer_3/cfg.json", "layer_3/params.npz", "layer_3/checkpoints/final.safetensors", "config.json"} <= set(
        asked
    )
    assert not [pattern for pattern in asked if "*" in pattern], "a pattern would match in subfolders too"
    asked.clear()
    fetch("hf:owner/saes/0.pt")
    assert asked == ["0.pt", "activation_scaler.json", "cfg.json", "config.json", "hyperparams.json"]


@pytest.mark.parametrize(
    ("hook", "layer"),
    [
        ("blocks.3.hook_resid_post", 3), ("model.layers.12.output", 12), ("transformer.h.0", 0), ("layers.5.mlp", 5),
        ("hook_embed", None), (None, None), ("resid_post_layer_3", None),
    ],
)  # fmt: skip
def test_a_hook_names_its_layer(hook: str | None, layer: int | None) -> None:
    assert layer_of(hook) == layer


def refusal(folder: Folder, format: str) -> str | None:
    try:
        read_foreign(folder, format)
    except ValueError as error:
        return str(error)


OTHER_VALUES = (["standard"], {"a": 1}, None, 1.5, "many", True, 10**400, [[1]])


@pytest.mark.parametrize("key", ["architecture", "d_in", "d_sae", "metadata", "dtype", "normalize_activations"])
@pytest.mark.parametrize("format", ["auto", "saelens6", "saelens_legacy", "openmoss"])
def test_values_of_another_kind_in_a_config_are_a_sentence(tmp_path: Path, key: str, format: str):
    for number, value in enumerate(OTHER_VALUES):
        folder = tmp_path / str(number)
        dictionary(folder)
        (folder / "cfg.json").write_text(json.dumps(CONFIG | {key: value}))
        said = refusal(Folder(str(folder)), format)
        assert said is None or (str(folder) in said and len(said) < 2_000)


@pytest.mark.parametrize("text", ["[]", "3", "null", '"cfg"', "[[[]]]"])
@pytest.mark.parametrize("format", ["auto", *formats()])
def test_a_config_that_is_no_object_is_a_sentence(tmp_path: Path, text: str, format: str):
    dictionary(tmp_path)
    for name in ("cfg.json", "config.json", "params.json", "hyperparams.json", "lm_config.json"):
        (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=str(tmp_path)):
        read_foreign(Folder(str(tmp_path)), format)
