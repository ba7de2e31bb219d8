"""A context that is too long and a tokenizer of another model are refused with both numbers, before anything runs."""

import json
from copy import deepcopy
from pathlib import Path

import pytest
import torch
from transformers import AutoTokenizer, GPT2Config, LlamaConfig, MptConfig, OPTConfig, RobertaConfig, RobertaModel

from models.language_model.loading import UnusableModel, open_model_files, read_config
from models.language_model.model_limits import ModelLimits


@pytest.fixture(scope="module")
def tokenizer():
    return AutoTokenizer.from_pretrained("models/demo")


def scaled(**scaling: object) -> LlamaConfig:
    config = LlamaConfig(max_position_embeddings=2048)
    config.rope_parameters = {"rope_theta": 1e4, **scaling}
    return config


@pytest.mark.parametrize(
    ("config", "n_positions"),
    [
        (GPT2Config(n_positions=256), 256),
        (LlamaConfig(max_position_embeddings=2048), 2048),
        (OPTConfig(max_position_embeddings=128), 128),
        (RobertaConfig(max_position_embeddings=514, pad_token_id=1), 512),
        (MptConfig(max_seq_len=77), 77),
        (scaled(rope_type="linear", factor=4.0), 8192),
        (scaled(rope_type="llama3", factor=8.0, original_max_position_embeddings=1024), 2048),
        (scaled(rope_type="default"), 2048),
    ],
    ids=["gpt2", "llama", "opt", "roberta", "mpt", "linear", "llama3", "default"],
)
def test_a_context_may_be_as_long_as_the_positions_and_no_longer(tokenizer, config, n_positions: int):
    config.vocab_size = len(tokenizer)
    limits = ModelLimits.of("some/model", config)
    assert limits.n_positions == n_positions
    limits.check(n_positions, tokenizer)
    with pytest.raises(
        UnusableModel,
        match=rf"context_length is {n_positions + 1:,} and some/model has {n_positions:,} positions: lower corpus",
    ):
        limits.check(n_positions + 1, tokenizer)


def test_the_limit_of_the_roberta_family_is_where_its_embedding_ends():
    config = RobertaConfig(
        vocab_size=9, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8,
        max_position_embeddings=20, pad_token_id=3,
    )  # fmt: skip
    model, n_positions = RobertaModel(config), ModelLimits.of("r", config).n_positions
    assert n_positions is not None
    model(torch.full((1, n_positions), 5))
    with pytest.raises((IndexError, RuntimeError)):
        model(torch.full((1, n_positions + 1), 5))


def test_a_tokenizer_with_words_beyond_the_embedding_is_refused(tokenizer):
    limits = ModelLimits("some/model", None, len(tokenizer) - 3)
    with pytest.raises(
        UnusableModel, match=rf"has {len(tokenizer):,} tokens and the model {len(tokenizer) - 3:,} rows"
    ):
        limits.check(8, tokenizer)


def test_a_special_token_beyond_the_embedding_is_allowed(tokenizer):
    padded = deepcopy(tokenizer)
    padded.add_special_tokens({"pad_token": "<pad>"})
    assert len(padded) == len(tokenizer) + 1
    ModelLimits("some/model", None, len(tokenizer)).check(8, padded)
    ModelLimits("some/model", None, 10**6).check(8, padded)


@pytest.mark.parametrize("method", ["gptq", "awq", "bitsandbytes", "compressed-tensors", "made-up"])
def test_a_quantised_checkpoint_says_what_it_is_and_what_would_be_read(tmp_path: Path, method: str):
    from models.language_model.loading import load_model

    config = {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": 8, "num_hidden_layers": 1}
    config |= {"num_attention_heads": 2, "intermediate_size": 8, "vocab_size": 10}
    (tmp_path / "config.json").write_text(json.dumps(config | {"quantization_config": {"quant_method": method}}))
    (tmp_path / "model.safetensors").write_bytes(b"never read")
    with open_model_files(str(tmp_path)) as files:
        assert ModelLimits.of("q", read_config(files)).n_embeddings == 10
        with pytest.raises(
            UnusableModel, match=rf"weights quantised by {method}, and activations are read from float32"
        ):
            load_model(files, "float32")
