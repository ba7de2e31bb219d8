"""Run by the peer's own Python: patching and attribution by TransformerLens of a model folder, as JSON.

Arguments: the model's folder, and a JSON object with clean, corrupt (token ids), answer, foil, keeps.
"""

# pyright: reportMissingImports=false
import json
import sys
import time

import torch
from transformer_lens import patching
from transformer_lens.model_bridge import TransformerBridge
from transformer_lens.tools.analysis.attribution_patching import (
    EdgeAttributionConfig,
    attribution_patch,
    faithfulness,
)
from transformer_lens.tools.analysis.direct_logit_attribution import direct_logit_attribution
from transformers import AutoModelForCausalLM

folder, asked = sys.argv[1], json.loads(sys.argv[2])
clean, corrupt = (torch.tensor([asked[name]]) for name in ("clean", "corrupt"))


def bridge() -> TransformerBridge:
    """Of weights of its own: a bridge writes into those that it is given."""
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    return TransformerBridge.boot_transformers(folder, hf_model=model, device="cpu")


def metric(logits: torch.Tensor) -> torch.Tensor:
    last = logits[0, -1] if logits.ndim == 3 else logits[-1]
    return last[asked["answer"]] - last[asked["foil"]]


plain = bridge()
_, cache = plain.run_with_cache(clean)
sweeps = {
    "resid_pre": patching.get_act_patch_resid_pre,
    "attn_out": patching.get_act_patch_attn_out,
    "mlp_out": patching.get_act_patch_mlp_out,
    "z": patching.get_act_patch_attn_head_out_all_pos,
}
start = time.process_time()
found = {name: sweep(plain, corrupt, cache, metric).tolist() for name, sweep in sweeps.items()}
found["seconds"] = time.process_time() - start
nodes = attribution_patch(plain, clean, corrupt, metric).node_scores
found["attribution"] = [[node.kind, node.layer, node.position, node.head, score] for node, score in nodes.items()]
if asked["keeps"]:  # they refuse edges where heads share keys
    edge = EdgeAttributionConfig(granularity="edge")
    edges = attribution_patch(plain, clean, corrupt, metric, config=edge).edge_scores
    found["edges"] = [
        [source.kind, source.layer, source.head, target.kind, target.layer, target.head, score]
        for (source, target), score in edges.items()
    ]
    kept = [(source, target) for source, target in edges if [source.kind, target.kind] in asked["keeps"]]
    found["recovered"] = faithfulness(plain, clean, corrupt, metric, kept).recovered
folded = bridge()
folded.enable_compatibility_mode(fold_value_biases=False)  # which would take a head's value bias out of its part
direct = direct_logit_attribution(
    folded, clean, answer_tokens=asked["answer"], incorrect_tokens=asked["foil"], unit="head"
)
found["direct"] = dict(zip(direct.labels, direct.attribution.flatten().tolist(), strict=True))
sys.stdout.write(json.dumps(found))
