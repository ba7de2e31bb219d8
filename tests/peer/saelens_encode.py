"""Runs in an environment that has SAELens, not ours: loads a dictionary with it and encodes the tokens of a file.

    python saelens_encode.py <folder of the dictionary> <tokens.safetensors> <result.safetensors>

Axes: T tokens, F features.
"""

# pyright: reportMissingImports=false
import json
import sys

import torch
from sae_lens import SAE
from sae_lens.evals import ExplainedVarianceCalculator
from safetensors.torch import load_file, save_file

torch.set_num_threads(1)
folder, tokens, result = sys.argv[1:]
sae = SAE.load_from_disk(folder)
x_TD = load_file(tokens)["x_TD"]
with torch.no_grad():
    acts_TF = sae.encode(x_TD)
    guess_TD = sae.decode(acts_TF)
explained = ExplainedVarianceCalculator()
explained.add_batch(guess_TD, x_TD)
facts = {
    "class": type(sae).__name__,
    "hook_name": sae.cfg.metadata.hook_name,
    "l0": float((acts_TF > 0).sum(1).float().mean()),
    "fvu": 1 - explained.compute(),
}
save_file({"acts_TF": acts_TF.contiguous(), "guess_TD": guess_TD.contiguous()}, result, {"facts": json.dumps(facts)})
