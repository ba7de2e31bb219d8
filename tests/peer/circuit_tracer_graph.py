"""Run by the peer's own Python: circuit-tracer's attribution graph of a model folder and a cross-layer transcoder.

Arguments: the model's folder, the folder of the transcoder in circuit-tracer's layout, a JSON object with `token_ids`,
`batch_size` and `repeats`, and the file for the result. With `json` in the object, the graph's JSON is written there as
circuit-tracer's own code writes it. Prints scores, seconds of processor time (the least of the
repeats) and peak memory.
"""

# pyright: reportMissingImports=false
import json
import resource
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import torch
from circuit_tracer.attribution.attribute import attribute
from circuit_tracer.graph import compute_graph_scores, prune_graph
from circuit_tracer.replacement_model.replacement_model_transformerlens import TransformerLensReplacementModel
from circuit_tracer.transcoder.cross_layer_transcoder import load_clt
from circuit_tracer.utils.create_graph_files import build_model, create_nodes, create_used_nodes_and_edges
from safetensors.torch import save_file

sys.path.append(str(Path(__file__).resolve().parents[2] / "benchmarks" / "peers"))
from lens_model import lens_model

torch.set_num_threads(1)
folder, clt_folder, asked, result = sys.argv[1], sys.argv[2], json.loads(sys.argv[3]), sys.argv[4]
hooks = {"feature_input_hook": "mlp.hook_in", "feature_output_hook": "mlp.hook_out"}
clt = load_clt(clt_folder, **hooks, device=torch.device("cpu"), dtype=torch.float32, lazy_decoder=False, scan="random")
model = lens_model(Path(folder), TransformerLensReplacementModel, asked["token_ids"][0])
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
if "json" in asked:
    nodes = create_nodes(graph, kept.node_mask, None, kept.cumulative_scores.tolist())
    used = create_used_nodes_and_edges(graph, nodes, kept.edge_mask)
    spelt = SimpleNamespace(decode=lambda token: f"word{int(token)}")
    whole = build_model(graph, *used, "theirs", "random", 0.8, spelt)
    Path(asked["json"]).write_text(whole.model_dump_json(indent=2))
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
