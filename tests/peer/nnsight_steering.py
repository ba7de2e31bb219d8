"""Run by the peer's own Python: nnsight's captures and steered greedy text of a model folder, and repeng's direction of
pairs, as JSON.

Arguments: the model's folder, and a JSON object with tokens, layer, vector, n_new and pairs (of texts).
"""

# pyright: reportMissingImports=false
import json
import sys

import torch
from nnsight import TransformersModel
from repeng.extract import DatasetEntry, read_representations
from transformers import AutoModelForCausalLM, AutoTokenizer

folder, asked = sys.argv[1], json.loads(sys.argv[2])
plain = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
plain.generation_config.eos_token_id = None
tokenizer = AutoTokenizer.from_pretrained(folder)
tokenizer.pad_token = tokenizer.pad_token or tokenizer.convert_ids_to_tokens(0)
model = TransformersModel(plain, tokenizer=tokenizer, task="text-generation")
blocks = next(
    found
    for found in (
        getattr(getattr(model, stem, None), name, None)
        for stem, name in (("transformer", "h"), ("model", "layers"), ("gpt_neox", "layers"))
    )
    if found is not None
)
ids, vector = torch.tensor([asked["tokens"]]), torch.tensor(asked["vector"])
block = blocks[asked["layer"]]

with torch.no_grad(), model.trace(ids):
    stream = block.output.save()
with torch.no_grad(), model.generate(ids, max_new_tokens=asked["n_new"], do_sample=False, pad_token_id=0) as tracer:
    for _ in tracer.iter[: asked["n_new"]]:
        block.output[:] = block.output + vector
    written = tracer.result.save()

entries = [DatasetEntry(positive=one, negative=other) for one, other in asked["pairs"]]
# The last block's stream is read behind the final norm there, and no other family than these two is known.
layers = list(range(plain.config.num_hidden_layers - 1))
is_known = plain.config.model_type in ("gpt2", "llama")
directions = (
    read_representations(plain, tokenizer, entries, layers, batch_size=1, method="pca_center") if is_known else {}
)
said = {
    "stream": torch.as_tensor(stream).reshape(len(asked["tokens"]), -1).tolist(),
    "written": torch.as_tensor(written).flatten().tolist()[len(asked["tokens"]) :],
    "pca": {layer: direction.tolist() for layer, direction in directions.items()},
}
sys.stdout.write(json.dumps(said))
