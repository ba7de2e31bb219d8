"""Names mean the same model where only case, organisation or TransformerLens's abbreviation differ."""

from pathlib import Path

import pytest

from models.interchange.model_names import is_same_model


@pytest.mark.parametrize(
    ("named", "source"),
    [
        ("gpt2-small", "gpt2"),
        ("gpt2-small", "openai-community/gpt2"),
        ("gpt2", "/data/models/gpt2/"),
        ("google/gemma-2-2b", "gemma-2-2b"),
        ("GEMMA-2-2B", "google/gemma-2-2b"),
        ("pythia-70m-deduped", "EleutherAI/pythia-70m-deduped"),
        ("tiny-stories-1M", "roneneldan/TinyStories-1M"),
        ("google/gemma-2-2b", "/home/someone/.cache/huggingface/hub/models--google--gemma-2-2b/snapshots/c5ebcd40/"),
        ("google/gemma-2-2b", "s3://bucket/google/gemma-2-2b"),
        ("models/demo", "models/demo"),
        ("./out/final/", "out/final"),
        ("NeelNanda/Model", "neelnanda/model"),
        ("tiny-stories-1L-21M", "roneneldan/TinyStories-1Layer-21M"),
        ("tiny-stories-2L-33M", "roneneldan/TinyStories-2Layers-33M"),
        ("tiny-stories-instruct-28M", "roneneldan/TinyStories-Instruct-28M"),
        ("tiny-stories-instruct-1L-21M", "roneneldan/TinyStories-Instuct-1Layer-21M"),
        ("tiny-stories-instruct-2L-33M", "roneneldan/TinyStories-Instruct-2Layers-33M"),
        ("qwen-1.8b", "Qwen/Qwen-1_8B"),
        ("qwen-1.8b-chat", "Qwen/Qwen-1_8B-Chat"),
        ("qwen-14b", "Qwen/Qwen-14B"),
        ("Llama-2-7b-chat", "meta-llama/Llama-2-7b-chat-hf"),
        ("llama-2-70b-chat", "meta-llama/Llama-2-70b-chat-hf"),
        ("gelu-2l", "NeelNanda/GELU_2L512W_C4_Code"),
        ("phi-3", "microsoft/Phi-3-mini-4k-instruct"),
    ],
)
def test_equal_in_meaning(named: str, source: str):
    assert is_same_model(named, source)
    assert is_same_model(source, named)


@pytest.mark.parametrize(
    ("named", "source"),
    [
        ("pythia-70m", "EleutherAI/pythia-70m-deduped"),
        ("google/gemma-2-2b", "google/gemma-2-2b-it"),
        ("google/gemma-2-2b", "unsloth/gemma-2-2b"),
        ("gpt2-small", "gpt2-medium"),
        ("gpt2-small", "../shared/data/models/stories260K"),
        ("gemma-2-2b", "gemma-22b"),
        ("google/gemma-2-2b", "/hub/models--unsloth--gemma-2-2b/snapshots/c5ebcd40"),
        ("/data/a/final", "/data/b/final"),
        ("./out/model", "other/model"),
        ("/runs/a/checkpoint-500", "/runs/b/checkpoint-500"),
        ("/runs/a/weights", "s3://bucket/weights"),
        ("/a/c5ebcd40d208330abc697524c919956e692655cf", "/b/c5ebcd40d208330abc697524c919956e692655cf"),
        ("final", "/data/a/final"),
        ("qwen-1.8b", "Qwen/Qwen1.5-1.8B"),
    ],
)
def test_other_models(named: str, source: str):
    assert not is_same_model(named, source)
    assert not is_same_model(source, named)


def test_a_folder_that_lies_beside_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "google" / "gemma-2-2b").mkdir(parents=True)
    (tmp_path / "google" / "gemma-2-2b" / "config.json").write_text("{}")
    assert not is_same_model("google/gemma-2-2b", "unsloth/gemma-2-2b")
    assert is_same_model("unsloth/gemma-2-2b", "google/gemma-2-2b"), "the card's source is that folder"
