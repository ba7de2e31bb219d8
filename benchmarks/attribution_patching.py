"""Attribution patching of every place against a forward pass (aim 3.5), and a sweep of patches against TransformerLens.

The sweep patches every block and position of the stream, attention and MLPs, and every head. TransformerLens runs where
GLASSHOUSE_PEER_TL_PYTHON names a Python that has it, as for tests/peer; aim: five times as fast at equal results.
"""

import json
import os
import subprocess
import time
from pathlib import Path

import torch

from benchmarks.side_by_side import medians, table
from models.attribution.activation_patching import PatchingSweep, patching_effects
from models.attribution.answer_metric import AnswerMetric
from models.attribution.attribution_patching import attribution_effects
from models.attribution.head_outputs import head_counts
from models.attribution.patch import Patch, patch_grid
from models.attribution.patching_runs import contrast_runs
from models.attribution.resumed_pass import ResumedPass
from models.language_model.hooked_model import HookedModel
from models.language_model.sites import Site

KINDS = ("resid_pre", "attn_out", "mlp_out", "z")
LONG, SHORT, ANSWER, FOIL = 128, 16, 21, 33
PEER = Path(__file__).parents[1] / "tests/peer/transformer_lens_patching.py"


def main() -> None:
    host = HookedModel.load("models/demo", device="cpu")
    for length in (SHORT, LONG):
        sweep, patches = _sweep(host, length)
        clean_BP = sweep.token_ids_P[None]

        def forward(clean_BP: torch.Tensor = clean_BP) -> None:
            with torch.no_grad():
                host.forward(clean_BP)

        def attributed(sweep: PatchingSweep = sweep, patches: list[Patch] = patches) -> None:
            attribution_effects(sweep, patches)

        print(f"{length} tokens, {len(patches):,} places", flush=True)
        table(medians({"forward pass": forward, "attribution patching": attributed}, rounds=15, warm=3), "forward pass")
    _against_peer(host)


def _tokens(length: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    clean = tuple(torch.randint(300, 4000, (length,), generator=torch.Generator().manual_seed(0)).tolist())
    return clean, (clean[0], clean[1] + 1, *clean[2:])


def _sweep(host: HookedModel, length: int) -> tuple[PatchingSweep, list[Patch]]:
    passes, metric, n_heads = ResumedPass.of(host), AnswerMetric("logit_difference", ANSWER, FOIL), head_counts(host)
    sites = [Site(kind, layer) for kind in KINDS for layer in range(host.n_layers)]
    runs = contrast_runs(passes, metric, sites, *_tokens(length))
    sweep = PatchingSweep(passes, metric, runs.token_ids_P, *runs.between("denoising"), n_heads)
    return sweep, list(patch_grid(KINDS, host.n_layers, n_heads, length))


def _against_peer(host: HookedModel) -> None:
    python = os.environ.get("GLASSHOUSE_PEER_TL_PYTHON")
    if python is None:
        print("TransformerLens is not asked: GLASSHOUSE_PEER_TL_PYTHON names no Python that has it", flush=True)
        return
    clean, corrupt = _tokens(SHORT)
    asked = {"clean": clean, "corrupt": corrupt, "answer": ANSWER, "foil": FOIL, "keeps": []}
    ours, theirs = [], []
    for _ in range(3):
        sweep, patches = _sweep(host, SHORT)
        begun = time.process_time()
        effects = patching_effects(sweep, patches) + sweep.base.metric
        ours.append(time.process_time() - begun)
        ran = subprocess.run([python, str(PEER), "models/demo", json.dumps(asked)], capture_output=True, check=True)
        found = json.loads(ran.stdout.splitlines()[-1])
        theirs.append(found["seconds"])
        wanted = torch.tensor([each for kind in KINDS for layer in found[kind] for each in layer], dtype=torch.float64)
        print(f"largest difference {float((effects - wanted).abs().max()):.1e} of {float(wanted.abs().max()):.2f}")
    table({"glasshouse": sorted(ours)[1], "TransformerLens": sorted(theirs)[1]}, "glasshouse", len(patches), "places")
