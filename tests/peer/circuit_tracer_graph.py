"""Run by the peer's own Python: circuit-tracer's attribution graph of a model folder and a cross-layer transcoder.

Arguments: the model's folder, the folder of the transcoder in circuit-tracer's layout, a JSON object with `token_ids`,
`batch_size` and `repeats`, and the file for the result. Prints scores, seconds of processor time (the least of the
repeats) and peak memory.
"""

# pyright: reportMissingImports=false
import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

import torch
from circuit_tracer.attribution.attribute import attribute
from circuit_tracer.graph import compute_graph_scores, prune_graph
from circuit_tracer.replacement_model.replacement_model_transformerlens import TransformerLensReplacementModel
from circuit_tracer.transcoder.cross_layer_transcoder import load_clt
from safetensors.torch import save_file
from transformer_lens import HookedTransformerConfig
from transformer_lens.pretrained.weight_conversions import (
    convert_gpt2_weights,
    convert_llama_weights,
    convert_qwen3_weights,
)
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast

CONVERSIONS = {"gpt2": convert_gpt2_weights, "llama": convert_llama_weights, "qwen3": convert_qwen3_weights}


def lens_config(hf: Any) -> dict[str, Any]:
    """The sizes of a model as TransformerLens calls them; its own reading knows names of the hub only."""
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


torch.set_num_threads(1)
folder, clt_folder, asked, result = sys.argv[1], sys.argv[2], json.loads(sys.argv[3]), sys.argv[4]
hf_model = AutoModelForCausalLM.from_pretrained(folder, torch_dtype=torch.float32)
tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(Path(folder) / "tokenizer.json"))
first = tokenizer.convert_ids_to_tokens(asked["token_ids"][0])
tokenizer.add_special_tokens({"bos_token": first, "pad_token": first, "eos_token": first})
hooks = {"feature_input_hook": "mlp.hook_in", "feature_output_hook": "mlp.hook_out"}
clt = load_clt(clt_folder, **hooks, device=torch.device("cpu"), dtype=torch.float32, lazy_decoder=False, scan="random")
cfg = HookedTransformerConfig(**lens_config(hf_model.config), dtype=torch.float32, device="cpu")
state = CONVERSIONS[hf_model.config.model_type](hf_model, cfg)
model = TransformerLensReplacementModel(cfg)
model.tokenizer = tokenizer  # its own way of taking one wants a name of the hub
model.load_and_process_state_dict(state, fold_ln=False, center_writing_weights=False, center_unembed=False)
model._configure_replacement_model(clt)
token_ids = torch.tensor(asked["token_ids"])
options = {"batch_size": asked.get("batch_size", 512), "max_feature_nodes": asked.get("max_feature_nodes")}
seconds = []
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for _ in range(asked.get("repeats", 1)):
    start = time.process_time()
    graph = attribute(token_ids, model, **options)
    seconds.append(time.process_time() - start)
assert graph.input_tokens.tolist() == asked["token_ids"], "no token was put in front"
replacement, completeness = compute_graph_scores(graph)
kept = prune_graph(graph)
tensors = {
    "adjacency": graph.adjacency_matrix,
    "features": graph.active_features[graph.selected_features],
    "activations": graph.activation_values[graph.selected_features],
    "logit_tokens": graph.logit_token_ids,
    "logit_probabilities": graph.logit_probabilities,
    "kept_nodes": kept.node_mask,
    "kept_edges": kept.edge_mask,
}
if asked.get("tensors", True):
    save_file({name: x.contiguous() for name, x in tensors.items()}, result)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
facts = {
    "replacement": replacement,
    "completeness": completeness,
    "seconds": min(seconds),
    "n_features": len(graph.selected_features),
    "peak_mib": peak / 1024,
    "before_mib": before / 1024,
}
sys.stdout.write(json.dumps(facts) + "\n")
