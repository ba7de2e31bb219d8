"""A model of a folder as TransformerLens has it, in an environment that has TransformerLens, not ours."""

# pyright: reportMissingImports=false
from pathlib import Path
from typing import Any

import torch
from transformer_lens import HookedTransformerConfig
from transformer_lens.pretrained.weight_conversions import (
    convert_gpt2_weights,
    convert_llama_weights,
    convert_qwen3_weights,
)
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast

CONVERSIONS = {"gpt2": convert_gpt2_weights, "llama": convert_llama_weights, "qwen3": convert_qwen3_weights}


def lens_model(folder: Path, kind: Any, special_id: int = 0) -> Any:
    """A model of a class of TransformerLens or made from one; its own reading knows names of the hub only."""
    hf_model = AutoModelForCausalLM.from_pretrained(folder, torch_dtype=torch.float32)
    cfg = HookedTransformerConfig(**_sizes(hf_model.config), dtype=torch.float32, device="cpu")
    state = CONVERSIONS[hf_model.config.model_type](hf_model, cfg)
    model = kind(cfg)
    model.tokenizer = tokenizer_of(folder, special_id)
    model.load_and_process_state_dict(state, fold_ln=False, center_writing_weights=False, center_unembed=False)
    return model


def tokenizer_of(folder: Path, special_id: int = 0) -> PreTrainedTokenizerFast:
    """The folder's, where one token stands for beginning, end and padding."""
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"))
    special = tokenizer.convert_ids_to_tokens(special_id)
    tokenizer.add_special_tokens({"bos_token": special, "pad_token": special, "eos_token": special})
    return tokenizer


def _sizes(hf: Any) -> dict[str, Any]:
    """As TransformerLens calls them."""
    shared = {"n_layers": hf.num_hidden_layers, "d_model": hf.hidden_size, "n_heads": hf.num_attention_heads}
    shared |= {"d_vocab": hf.vocab_size, "n_ctx": hf.max_position_embeddings, "model_name": hf.model_type}
    if hf.model_type == "gpt2":
        shared |= {"d_head": hf.hidden_size // hf.num_attention_heads, "d_mlp": hf.n_inner or 4 * hf.hidden_size}
        return shared | {"act_fn": "gelu_new", "normalization_type": "LN", "eps": hf.layer_norm_epsilon}
    rotary = {"positional_embedding_type": "rotary", "rotary_dim": hf.head_dim, "rotary_adjacent_pairs": False}
    norms = {"normalization_type": "RMS", "final_rms": True, "eps": hf.rms_norm_eps}
    mlp = {"d_mlp": hf.intermediate_size, "act_fn": hf.hidden_act, "gated_mlp": True}
    heads = {"d_head": hf.head_dim, "n_key_value_heads": hf.num_key_value_heads}
    return shared | rotary | norms | mlp | heads | {"use_qk_norm": hf.model_type == "qwen3"}
