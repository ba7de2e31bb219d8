"""Runs in an environment that has SAELens, not ours: loads dictionaries with it and encodes the tokens of a file.

    python saelens_encode.py <tokens.safetensors> <folder of a dictionary> ...

Leaves `theirs.safetensors` in each folder.

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
tokens, *folders = sys.argv[1:]
x_TD = load_file(tokens)["x_TD"]
for folder in folders:
    sae = SAE.load_from_disk(folder)
    with torch.no_grad():
        acts_TF, guess_TE = sae.encode(x_TD), sae(x_TD)
    facts = {
        "class": type(sae).__name__,
        "hook_name": sae.cfg.metadata.hook_name,
        "l0": float((acts_TF > 0).sum(1).float().mean()),
    }
    if guess_TE.shape == x_TD.shape:
        explained = ExplainedVarianceCalculator()
        explained.add_batch(guess_TE, x_TD)
        facts["fvu"] = 1 - explained.compute()
    found = {"acts_TF": acts_TF.contiguous(), "guess_TE": guess_TE.contiguous()}
    save_file(found, f"{folder}/theirs.safetensors", {"facts": json.dumps(facts)})
