"""TransformerLens itself, in an environment of its own, patches and attributes as we do.

GLASSHOUSE_PEER_TL_PYTHON names a Python that has transformer-lens (and not this project): `python3 -m venv tl &&
tl/bin/pip install transformer-lens`, then `GLASSHOUSE_PEER_TL_PYTHON=tl/bin/python pytest -m peer`.
"""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tiny_models import save_tiny

from models.attribution.activation_patching import PatchingSweep, patching_effects
from models.attribution.answer_metric import AnswerMetric
from models.attribution.attribution_patching import attribution_effects
from models.attribution.edge_effects import EdgeSweep, circuit_metrics, estimated_edges
from models.attribution.edge_pass import EdgePass
from models.attribution.head_outputs import head_counts
from models.attribution.logit_attribution import logit_attribution
from models.attribution.patch import Patch, patch_grid
from models.attribution.patching_runs import contrast_runs
from models.attribution.resumed_pass import ResumedPass
from models.attribution.stream_parts import run_at_last_position, stream_parts
from models.language_model.hooked_model import HookedModel
from models.language_model.sites import Site
from models.language_model.stream_readout import StreamReadout

PEER = os.environ.get("GLASSHOUSE_PEER_TL_PYTHON")
pytestmark = [
    pytest.mark.peer,
    pytest.mark.skipif(not PEER, reason="GLASSHOUSE_PEER_TL_PYTHON names no Python that has transformer-lens"),
]

CLEAN, CORRUPT, ANSWER, FOIL = (5, 9, 17, 30, 2, 44), (5, 9, 18, 31, 2, 44), 21, 33
KEPT = [["embed", "v_input"], ["embed", "mlp_in"], ["attn_head_out", "logits"], ["mlp_out", "logits"]]
"""Kinds of source and target between which edges are kept in a circuit."""
KINDS = ("resid_pre", "attn_out", "mlp_out", "z")


@pytest.fixture(scope="module", params=["gpt2", "llama"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(request.param, tmp_path_factory.mktemp(request.param))


@pytest.fixture(scope="module")
def theirs(folder: Path) -> dict[str, Any]:
    assert PEER is not None, "the module is skipped where there is no peer"
    keeps = KEPT if "gpt2" in str(folder) else []
    asked = json.dumps({"clean": CLEAN, "corrupt": CORRUPT, "answer": ANSWER, "foil": FOIL, "keeps": keeps})
    script = str(Path(__file__).with_name("transformer_lens_patching.py"))
    ran = subprocess.run(
        [PEER, script, str(folder), asked], capture_output=True, text=True, check=False, env={"HF_HUB_OFFLINE": "1"}
    )
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def sweep(folder: Path) -> PatchingSweep:
    host = HookedModel.load(str(folder), device="cpu")
    passes, metric = ResumedPass.of(host), AnswerMetric("logit_difference", ANSWER, FOIL)
    sites = [Site(kind, layer) for kind in KINDS for layer in range(host.n_layers)]
    runs = contrast_runs(passes, metric, sites, CLEAN, CORRUPT)
    return PatchingSweep(passes, metric, runs.token_ids_P, *runs.between("denoising"), head_counts(host))


def test_patching_is_theirs(sweep: PatchingSweep, theirs: dict[str, Any]):
    """They say the patched metric itself, ours is its difference from the corrupt run."""
    n_layers = sweep.passes.host.n_layers
    for kind in KINDS:
        patches = list(patch_grid([kind], n_layers, sweep.n_heads, len(CLEAN)))
        ours = (patching_effects(sweep, patches) + sweep.base.metric).tolist()
        assert ours == pytest.approx([each for layer in theirs[kind] for each in layer], abs=1e-4)


def test_attribution_patching_is_theirs(sweep: PatchingSweep, theirs: dict[str, Any]):
    """Their node of a head is one position of it; ours is the head at all positions."""
    mlp = [row for row in theirs["attribution"] if row[0] == "mlp_out"]
    ours = attribution_effects(sweep, [Patch("mlp_out", layer, position) for _, layer, position, _, _ in mlp])
    assert ours.tolist() == pytest.approx([row[-1] for row in mlp], abs=1e-5)
    heads = dict.fromkeys([(row[1], row[3]) for row in theirs["attribution"] if row[0] == "attn_head_out"], 0.0)
    for kind, layer, _, head, score in theirs["attribution"]:
        if kind == "attn_head_out":
            heads[layer, head] += score
    ours = attribution_effects(sweep, [Patch("z", layer, head=head) for layer, head in heads])
    assert ours.tolist() == pytest.approx(list(heads.values()), abs=1e-5)
    assert len(mlp) == 18
    assert len(heads) == 12


THEIR_NAMES = {"head": "attn_head_out", "embed": "embed", "mlp": "mlp_out"}
THEIR_TARGETS = {"q": "q_input", "k": "k_input", "v": "v_input", "mlp": "mlp_in", "logits": "logits"}


def test_edges_are_theirs(sweep: PatchingSweep, theirs: dict[str, Any]):
    """Theirs are edges of one position, ours of all together."""
    if "edges" not in theirs:
        pytest.skip("they refuse edges where heads share keys")
    host = sweep.passes.host
    streams = [run.values[Site("resid_pre", 0)][0] for run in (sweep.source, sweep.base)]
    edges = EdgeSweep.of(EdgePass.of(host), sweep.metric, sweep.token_ids_P, *streams)
    graph, ours = edges.passes.graph, estimated_edges(edges, "denoising")
    wanted = dict[tuple[Any, ...], float]()
    for *source, target, layer, head, score in theirs["edges"]:
        layer = None if target == "logits" else layer
        wanted[(*source, target, layer, head)] = wanted.get((*source, target, layer, head), 0) + score
    named = {}
    for v, u in graph.edges_VU.nonzero().tolist():
        source, target = graph.sources[u], graph.targets[v]
        named[
            (THEIR_NAMES[source.kind], source.layer, source.head, THEIR_TARGETS[target.kind], target.layer, target.head)
        ] = (u, v)
    assert named.keys() == wanted.keys()
    assert [float(ours[v, u]) for u, v in named.values()] == pytest.approx([wanted[each] for each in named], abs=1e-5)
    kept = [edge for name, edge in named.items() if [name[0], name[3]] in KEPT]
    [value] = circuit_metrics(edges, [kept]).tolist()
    share = (value - edges.corrupt.metric) / (edges.clean.metric - edges.corrupt.metric)
    assert share == pytest.approx(theirs["recovered"], abs=1e-4)
    assert 0.01 < abs(share) < 0.99


def test_direct_attribution_of_heads_is_theirs(folder: Path, theirs: dict[str, Any]):
    host = HookedModel.load(str(folder), device="cpu")
    run = run_at_last_position(host, CLEAN)
    final_D = run.values[Site("final_norm_in")]
    found = logit_attribution(host, StreamReadout.of(host), stream_parts(host, run), final_D, ANSWER, FOIL)
    ours = {f"L{each.layer}H{each.head}": each.contribution for each in found.contributions if each.component == "head"}
    assert {name: theirs["direct"][name] for name in ours} == pytest.approx(ours, abs=1e-4)
    assert len(ours) == 12
