"""Global weights against attribution graphs of a model whose attention says nothing, and against dense sums."""

import numpy as np
import pytest
import torch
from random_transcoders import in_float64, random_cross_layer, read_at
from tiny_models import save_tiny

from models.attribution.graphs.attribution_graph import GraphLimits, graph_of
from models.attribution.graphs.global_weights import CofiringSums, GlobalWeights, global_weights
from models.attribution.graphs.read_norms import ReadNorms
from models.attribution.graphs.transcoded_prompt import ModelTranscoders
from models.language_model.hooked_model import HookedModel
from models.language_model.sites import Site

PROMPTS = ((0, 9, 17, 30, 12, 44, 9), (0, 3, 3, 21, 40), (0, 51, 17, 8, 8, 60))
ATTENTION_OUT = {"gpt2": "attn.c_proj", "llama": "self_attn.o_proj", "gpt_neox": "attention.dense"}


@pytest.fixture(scope="module", params=list(ATTENTION_OUT))
def model(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[HookedModel, ModelTranscoders]:
    """In float64; attention writes nothing, so that all paths run along the stream."""
    host = in_float64(HookedModel.load(str(save_tiny(request.param, tmp_path_factory.mktemp("tiny"))), device="cpu"))
    for block in host.module_map.blocks:
        block.get_submodule(ATTENTION_OUT[request.param]).get_parameter("weight").data.zero_()
    return host, ModelTranscoders(random_cross_layer(host.n_layers, host.d_model), read_at(host))


def summed(host: HookedModel, model: ModelTranscoders, norms: ReadNorms) -> CofiringSums:
    parts = []
    for prompt in PROMPTS:
        token_ids_1P = torch.tensor([prompt])
        with host.capture(list(model.read.values())) as values, torch.no_grad():
            host.forward(token_ids_1P)
        codes = {layer: model.transcoders.encode(layer, values[site][0, 1:]) for layer, site in model.read.items()}
        scale = {layer: of[1:] for layer, of in norms.scales(host, token_ids_1P).items()}
        parts.append(CofiringSums.of(codes, scale))
    return parts[0] + parts[1] + parts[2]


def test_expected_weights_are_the_mean_of_the_graphs_edges(model: tuple[HookedModel, ModelTranscoders]) -> None:
    host, transcoders = model
    norms = ReadNorms.of(host, transcoders.read)
    found = global_weights(transcoders.transcoders, norms, summed(host, transcoders, norms), 10**6)
    brought: dict[tuple[int, ...], float] = {}
    fires: dict[tuple[int, int], float] = {}
    for prompt in PROMPTS:
        _, graph = graph_of(host, transcoders, prompt, 1, GraphLimits())
        nodes, edges = graph.nodes, graph.weights.tocoo()
        features = zip(nodes.layer_N, nodes.feature_N, nodes.activation_N, strict=True)
        named = [(int(layer), int(feature), float(a)) for layer, feature, a in features]
        for layer, feature, a in named[: graph.features.stop]:
            fires[layer, feature] = fires.get((layer, feature), 0.0) + a
        for target, source, weight in zip(edges.row, edges.col, edges.data, strict=True):
            if max(target, source) < graph.features.stop:
                key = (*named[source][:2], *named[target][:2])
                brought[key] = brought.get(key, 0.0) + float(weight) * named[target][2]
    wanted = {key: brought[key] / fires[key[2], key[3]] for key in brought}
    names = zip(found.source_layer_M, found.source_M, found.target_layer_M, found.target_M, strict=True)
    made = {tuple(int(x) for x in name): float(value) for name, value in zip(names, found.expected_M, strict=True)}
    assert made.keys() == wanted.keys()
    assert len(made) > 100
    assert max(abs(made[key] - wanted[key]) for key in made) < 1e-10


def test_the_strongest_are_kept_from_both_sides(model: tuple[HookedModel, ModelTranscoders]) -> None:
    host, transcoders = model
    norms = ReadNorms.of(host, transcoders.read)
    sums = summed(host, transcoders, norms)
    every, some = (global_weights(transcoders.transcoders, norms, sums, n) for n in (10**6, 2))
    kept = {tuple(row) for row in _rows(some)}
    assert kept < {tuple(row) for row in _rows(every)}
    for layer, feature in {(int(a), int(b)) for a, b in zip(every.target_layer_M, every.target_M, strict=True)}:
        own = every.chosen((every.target_layer_M == layer) & (every.target_M == feature))
        strongest = own.chosen(np.argsort(-np.abs(own.expected_M), kind="stable")[:2])
        assert {tuple(row) for row in _rows(strongest)} <= kept
        shares = own.chosen(own.source_places() == 0)
        assert abs(shares.expected_M[0]) == np.abs(own.expected_M).max()


def _rows(pairs: GlobalWeights) -> list[list[int]]:
    return np.stack([pairs.source_layer_M, pairs.source_M, pairs.target_layer_M, pairs.target_M], axis=1).tolist()


def test_a_weight_along_the_stream_alone_needs_no_norm(model: tuple[HookedModel, ModelTranscoders]) -> None:
    host, _ = model
    norms = ReadNorms.of(host, {1: Site("resid_pre", 1)})
    assert norms.by_layer[1] is None
    assert torch.equal(norms.directions(1, torch.eye(host.d_model)), torch.eye(host.d_model))
    with pytest.raises(ValueError, match="says what is read at attn_out"):
        ReadNorms.of(host, {1: Site("attn_out", 1)})
