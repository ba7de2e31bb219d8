"""The model and the tokens of a chain of peers, in an environment that has TransformerLens; what its scripts share."""

# pyright: reportMissingImports=false
import json
import sys
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from transformer_lens import HookedTransformerConfig
from transformer_lens.pretrained.weight_conversions import convert_gpt2_weights
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast


def arguments() -> tuple[Path, torch.Tensor, Path, dict[str, Any]]:
    """Folder of the model, token ids [contexts, positions], folder of the chain, settings."""
    model, tokens, work, options = sys.argv[1:]
    return Path(model), load_file(tokens)["token_ids"].long(), Path(work), json.loads(options)


def tokenizer_of(folder: Path) -> PreTrainedTokenizerFast:
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"))
    first = tokenizer.convert_ids_to_tokens(0)
    tokenizer.add_special_tokens({"bos_token": first, "pad_token": first, "eos_token": first})
    return tokenizer


def lens_model(folder: Path, kind: Any) -> Any:
    """A GPT-2 as TransformerLens has it; its own reading knows names of the hub only."""
    hf_model = AutoModelForCausalLM.from_pretrained(folder, torch_dtype=torch.float32)
    hf = hf_model.config
    cfg = HookedTransformerConfig(
        n_layers=hf.num_hidden_layers,
        d_model=hf.hidden_size,
        n_heads=hf.num_attention_heads,
        d_head=hf.hidden_size // hf.num_attention_heads,
        d_mlp=hf.n_inner or 4 * hf.hidden_size,
        d_vocab=hf.vocab_size,
        n_ctx=hf.max_position_embeddings,
        act_fn="gelu_new",
        normalization_type="LN",
        eps=hf.layer_norm_epsilon,
        model_name="gpt2",
        dtype=torch.float32,
        device="cpu",
    )
    model = kind(cfg)
    model.tokenizer = tokenizer_of(folder)
    state = convert_gpt2_weights(hf_model, cfg)
    model.load_and_process_state_dict(state, fold_ln=False, center_writing_weights=False, center_unembed=False)
    return model
