"""Generation under steering edits against plain generation of the same model and tokens, in one process; aim 1.05.

`add` reads no feature. `clamp` encodes every token: a fifth of the arithmetic of a pass of the bundled model, 2 % where
the model has 135 million weights.
"""

import torch

from benchmarks.side_by_side import medians, table
from models.dictionaries.registry import architecture
from models.interventions.edited_completions import NO_EDITS, Decoding, EditedPrompt, Edits
from models.interventions.steering import FeatureEdit, steering_edits
from models.language_model.hooked_model import HookedModel
from models.language_model.sites import Site

ROWS, NEW_TOKENS, FEATURES = 16, 48, 4096


def main() -> None:
    host = HookedModel.load("models/demo")
    host.model.generation_config.eos_token_id = None  # so that all ways write as many tokens
    site, chance = Site("resid_post", 2), torch.Generator().manual_seed(0)
    W_dec = torch.nn.functional.normalize(torch.randn(FEATURES, host.d_model, generator=chance), dim=1)
    zero = {"b_enc": torch.zeros(FEATURES), "b_dec": torch.zeros(host.d_model)}
    sae = architecture("topk")({"W_enc": W_dec.T, "W_dec": W_dec} | zero, {"k": 32}).to(host.device)
    prompt = EditedPrompt(host, tuple(host.tokenizer("def load(path):\n    return ")["input_ids"]))

    def written(edits: Edits) -> None:
        prompt.completions(edits, ROWS, Decoding(NEW_TOKENS))

    add, clamp = (
        steering_edits(sae, site, site, [[FeatureEdit(7, kind, 3.0)] for _ in range(ROWS)]) for kind in ("add", "clamp")
    )
    ways = {"plain": NO_EDITS, "add": add, "clamp": clamp}
    seconds = medians({name: lambda edits=edits: written(edits) for name, edits in ways.items()}, rounds=9)
    table(seconds, "plain", ROWS * NEW_TOKENS, "tokens")
