"""Names mean the same model where only case, organisation or TransformerLens's abbreviation differ."""

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
        ("google/gemma-2-2b", "/root/.cache/huggingface/hub/models--google--gemma-2-2b/snapshots/c5ebcd40/"),
        ("google/gemma-2-2b", "s3://bucket/google/gemma-2-2b"),
        ("models/demo", "models/demo"),
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
    ],
)
def test_other_models(named: str, source: str):
    assert not is_same_model(named, source)
    assert not is_same_model(source, named)
