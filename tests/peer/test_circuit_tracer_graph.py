"""circuit-tracer itself, in an environment of its own, draws the same attribution graphs as we do.

GLASSHOUSE_PEER_CIRCUIT_TRACER_PYTHON names a Python that has circuit-tracer (and not this project): `python3 -m venv ct
&& ct/bin/pip install torch==2.13.0 && ct/bin/pip install circuit-tracer==0.5.0`, then `pytest -m peer` with this file.
"""

import json
import os
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from door_house import house
from random_transcoders import random_cross_layer, read_at, save_as_circuit_tracer
from safetensors.torch import load_file
from tiny_models import save_tiny

from models.attribution.graphs.attribution_graph import KINDS, GraphLimits, graph_of
from models.attribution.graphs.influence import GraphScores, pruned
from models.attribution.graphs.transcoded_prompt import ModelTranscoders
from models.language_model.hooked_model import HookedModel
from pipelines.interchange.graph_import import import_graph
from pipelines.store.publication import publish_store
from sql.consistency import inspect
from sql.warehouse import connect

PEER = os.environ.get("GLASSHOUSE_PEER_CIRCUIT_TRACER_PYTHON")
pytestmark = [
    pytest.mark.peer,
    pytest.mark.skipif(not PEER, reason="GLASSHOUSE_PEER_CIRCUIT_TRACER_PYTHON names no Python with circuit-tracer"),
]
TOKENS = (0, 9, 17, 30, 12, 44, 9, 51, 23, 17)


def theirs(model: Path, clt: Path, **asked: Any) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    """Facts and tensors of circuit-tracer's graph."""
    assert PEER is not None, "the module is skipped where there is no peer"
    script, result = str(Path(__file__).with_name("circuit_tracer_graph.py")), clt / "graph.safetensors"
    ran = subprocess.run(
        [PEER, script, str(model), str(clt), json.dumps({"token_ids": TOKENS} | asked), str(result)],
        capture_output=True,
        text=True,
        check=False,
        env={"HF_HUB_OFFLINE": "1"},
    )
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout.splitlines()[-1]), load_file(result) if result.exists() else {}


@pytest.mark.parametrize("kind", ["gpt2", "llama", "qwen3"])
@pytest.mark.parametrize("most", [None, 40])
def test_adjacency_scores_and_pruning_are_theirs(kind: str, most: int | None, tmp_path: Path):
    folder, clt_folder = save_tiny(kind, tmp_path / "model"), tmp_path / "clt"
    host = HookedModel.load(str(folder), device="cpu")
    transcoders = random_cross_layer(host.n_layers, host.d_model, 60)
    facts, found = theirs(folder, save_as_circuit_tracer(transcoders, clt_folder), max_feature_nodes=most, batch_size=8)
    limits = GraphLimits(max_features=most, batch_rows=16)  # theirs ranks anew after 4 · 8 rows, ours after 2 · 16
    _, graph = graph_of(host, ModelTranscoders(transcoders, read_at(host)), TOKENS, 1, limits)

    nodes, own = graph.nodes, graph.features
    features = np.stack([nodes.layer_N[own], nodes.position_N[own], nodes.feature_N[own]], axis=1)
    np.testing.assert_array_equal(features, found["features"].numpy())
    np.testing.assert_allclose(nodes.activation_N[own], found["activations"].numpy(), atol=1e-5)
    np.testing.assert_array_equal(nodes.token_N[graph.logits], found["logit_tokens"].numpy())

    adjacency, places = found["adjacency"].numpy(), _places(graph.features.stop, host.n_layers, len(TOKENS), len(graph))
    outside = np.setdiff1d(np.arange(len(adjacency)), places)
    assert not adjacency[:, outside].any(), "errors of the first position are left out"
    ours, wanted = graph.weights.toarray(), adjacency[np.ix_(places, places)]
    assert np.abs(wanted).max() > 0.5
    np.testing.assert_allclose(ours, wanted, rtol=0, atol=2e-5 * np.abs(wanted).max())

    scores = GraphScores.of(graph)
    assert scores.replacement == pytest.approx(facts["replacement"], abs=2e-6)
    assert scores.completeness == pytest.approx(facts["completeness"], abs=2e-6)
    kept = pruned(graph, scores.influence_N)
    np.testing.assert_array_equal(kept.node_N, found["kept_nodes"].numpy()[places])
    edges = np.zeros(ours.shape, dtype=bool)
    entries = graph.weights.tocoo()
    edges[entries.row, entries.col] = kept.edge_M
    assert (edges != found["kept_edges"].numpy()[np.ix_(places, places)]).sum() <= 1, "one may lie at the threshold"


def test_the_graph_that_it_writes_is_imported(tmp_path: Path):
    folder, clt_folder, path = save_tiny("gpt2", tmp_path / "model"), tmp_path / "clt", tmp_path / "theirs.json"
    host = HookedModel.load(str(folder), device="cpu")
    transcoders = random_cross_layer(host.n_layers, host.d_model, 60)
    theirs(folder, save_as_circuit_tracer(transcoders, clt_folder), batch_size=8, tensors=False, json=str(path))
    _, graph = graph_of(host, ModelTranscoders(transcoders, read_at(host)), TOKENS, 1, GraphLimits(batch_rows=16))
    scores = GraphScores.of(graph)
    kept, entries = pruned(graph, scores.influence_N), graph.weights.tocoo()

    store = house(tmp_path / "home")
    assert import_graph(store, str(path), "tiny").rows["graph_node"] > 30
    publish_store(store)
    with closing(connect(store.published)) as con:
        assert inspect(con) == []
        [(scan, layers)] = con.execute("select scan, n_layers from graph_import join model using (model_id)").fetchall()
        nodes = con.execute("select node_id, kind, layer, position, feature_id, token_id from graph_node").fetchall()
        edges = con.execute("select source_node_id, target_node_id, weight from graph_edge").fetchall()
        order = "select i.cumulative_influence from graph_node join imported_node as i using (node_id) where kind = "
        cumulative = [row[0] for row in con.execute(f"{order} 'feature' order by influence desc").fetchall()]
    assert (scan, layers) == ("random", host.n_layers)
    of_kind = graph.nodes
    ours = {
        (
            kind := KINDS[of_kind.kind_N[at]],
            int(of_kind.layer_N[at]) if kind in ("feature", "error") else None,
            int(of_kind.position_N[at]),
            int(of_kind.feature_N[at]) if kind == "feature" else None,
            int(of_kind.token_N[at]) if kind in ("token", "logit") else None,
        ): at
        for at in np.flatnonzero(kept.node_N).tolist()
    }
    assert {tuple(node[1:]) for node in nodes} == set(ours)
    at = {node_id: ours[tuple(place)] for node_id, *place in nodes}
    found = {(at[target], at[source]): weight for source, target, weight in edges}
    wanted = {
        (int(entries.row[m]), int(entries.col[m])): float(entries.data[m]) for m in np.flatnonzero(kept.edge_M).tolist()
    }
    assert len(found.keys() ^ wanted.keys()) <= 1, "one may lie at the threshold"
    both = sorted(found.keys() & wanted.keys())
    largest = max(map(abs, wanted.values()))
    np.testing.assert_allclose([found[e] for e in both], [wanted[e] for e in both], rtol=0, atol=2e-5 * largest)
    places = np.argsort(cumulative)
    assert np.corrcoef(places, np.arange(len(places)))[0, 1] > 0.9, (
        "influence of what is left orders nodes as the whole"
    )


def _places(n_features: int, n_layers: int, n_tokens: int, n: int) -> np.ndarray:
    """Of our nodes in theirs, which have an error at the first position too."""
    errors = [n_features + layer * n_tokens + position for layer in range(n_layers) for position in range(1, n_tokens)]
    after = n_features + n_layers * n_tokens
    rest = n - n_features - len(errors)
    return np.array([*range(n_features), *errors, *range(after, after + rest)])
