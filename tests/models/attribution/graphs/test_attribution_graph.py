"""Attribution graphs against the linear model that they claim to describe, run by hand with everything else held."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
import torch
from random_transcoders import in_float64, neurons_of_relu_gpt2, random_cross_layer, read_at, silent
from tiny_models import save_tiny
from torch import Tensor

from models.attribution.graphs.attribution_graph import AttributionGraph, GraphLimits, graph_of
from models.attribution.graphs.changed_features import FeatureChange, change_effects, predicted_changes
from models.attribution.graphs.influence import GraphScores, pruned
from models.attribution.graphs.strongest_paths import GraphEdge, strongest_paths
from models.attribution.graphs.transcoded_prompt import ModelTranscoders, TranscodedPrompt
from models.interventions.frozen_norms import frozen_norms
from models.language_model.hooked_model import HookedModel
from models.language_model.site_edit import Edit
from models.language_model.sites import Site

TOKENS, N_SPECIAL = (0, 9, 17, 30, 12, 44, 9), 1
EVERYTHING = GraphLimits()


def loaded(kind: str, tmp_path_factory: pytest.TempPathFactory) -> HookedModel:
    return HookedModel.load(str(save_tiny(kind, tmp_path_factory.mktemp(kind))), device="cpu")


@pytest.fixture(scope="module", params=["gpt2", "llama", "qwen3", "gpt_neox", "gemma2"])
def graphed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[HookedModel, TranscodedPrompt, AttributionGraph, float]:
    """A random model with random transcoders across blocks, the graph of a prompt, and how exact it is to be."""
    host, exact = loaded(request.param, tmp_path_factory), request.param != "gemma2"
    host = in_float64(host) if exact else host
    model = ModelTranscoders(random_cross_layer(host.n_layers, host.d_model), read_at(host))
    return host, *graph_of(host, model, TOKENS, N_SPECIAL, EVERYTHING), 1e-12 if exact else 2e-5


@torch.no_grad()
def held(
    host: HookedModel, prompt: TranscodedPrompt, written: Mapping[int, Tensor], embed_PD: Tensor
) -> tuple[dict[int, Tensor], Tensor]:
    """What encoders read, and the last logits, with patterns and norms of the prompt and given MLP outputs."""
    sites, token_ids = [Site("attn_pattern", layer) for layer in range(host.n_layers)], torch.tensor([prompt.token_ids])
    with host.capture(sites) as patterns:
        host.forward(token_ids)
    edits: dict[Site, Edit] = {site: lambda _, x=x: x for site, x in patterns.items()}
    edits |= {Site("mlp_out", layer): lambda _, x=x: x[None] for layer, x in written.items()}
    edits[Site("embed")] = lambda _: embed_PD[None]
    last = Site("final_norm_in")
    with (
        host.capture([*prompt.model.read.values(), last], stop_early=False) as values,
        host.intervene(edits),
        frozen_norms(host, token_ids),
    ):
        host.forward(token_ids)
        assert host.module_map.final_norm is not None
        normed_D = host.module_map.final_norm(values[last])[0, -1]
    logits_V = normed_D @ host.model.get_output_embeddings().weight.T
    return {layer: values[site][0] for layer, site in prompt.model.read.items()}, logits_V


def values_of_nodes(
    graph: AttributionGraph, prompt: TranscodedPrompt, at: tuple[dict[int, Tensor], Tensor]
) -> np.ndarray:
    """Pre-activations of all features, less their bias, and logits less their average."""
    read, logits_V = at
    nodes, own = graph.nodes, np.arange(graph.features.stop)
    rows = [
        float(
            prompt.model.transcoders.encoder_rows(int(nodes.layer_N[i]), torch.tensor([nodes.feature_N[i]])).to(
                logits_V
            )[0]
            @ read[int(nodes.layer_N[i])][int(nodes.position_N[i])]
        )
        for i in own
    ]
    tokens = graph.nodes.token_N[graph.logits]
    return np.array([*rows, *(logits_V[tokens] - logits_V.mean()).tolist()])


def rows_of(graph: AttributionGraph) -> np.ndarray:
    return np.r_[np.arange(graph.features.stop), np.arange(graph.logits.start, len(graph))]


def test_what_acts_on_a_node_and_what_is_constant_make_up_its_value(graphed):
    host, prompt, graph, exact = graphed
    bias = {
        layer: prompt.model.transcoders.bias(layer).to(x).expand_as(x).clone() for layer, x in prompt.written.items()
    }
    for layer, constant_PD in bias.items():
        constant_PD[:N_SPECIAL] = prompt.written[layer][:N_SPECIAL]
    constant = values_of_nodes(graph, prompt, held(host, prompt, bias, 0 * prompt.embed_PD))
    whole = values_of_nodes(graph, prompt, held(host, prompt, prompt.written, prompt.embed_PD))
    acting = np.asarray(graph.weights.sum(axis=1)).ravel()[rows_of(graph)]
    assert len(whole) > 20
    np.testing.assert_allclose(acting + constant, whole, rtol=0, atol=exact * max(1, np.abs(whole).max()))


def test_a_feature_ablated_while_all_others_are_held_changes_what_the_graph_says(graphed):
    host, prompt, graph, exact = graphed
    before = values_of_nodes(graph, prompt, held(host, prompt, prompt.written, prompt.embed_PD))
    acting = np.abs(graph.weights.toarray()[:, graph.features]).max(axis=0)
    for node in np.argsort(-acting)[[0, 5, 12]].tolist():
        layer, position = int(graph.nodes.layer_N[node]), int(graph.nodes.position_N[node])
        written = {k: x.clone() for k, x in prompt.written.items()}
        for later in range(layer, host.n_layers):
            feature = torch.tensor([graph.nodes.feature_N[node]])
            [row_D] = prompt.model.transcoders.decoder_rows(layer, feature, later)
            written[later][position] -= graph.nodes.activation_N[node] * row_D.to(written[later])
        after = values_of_nodes(graph, prompt, held(host, prompt, written, prompt.embed_PD))
        predicted = -graph.weights[:, [node]].toarray().ravel()[rows_of(graph)]
        assert np.abs(predicted).max() > 1e-3
        np.testing.assert_allclose(after - before, predicted, rtol=0, atol=exact * max(1, np.abs(before).max()))


@pytest.fixture(scope="module")
def neurons(tmp_path_factory: pytest.TempPathFactory) -> tuple[HookedModel, ModelTranscoders]:
    """A GPT-2 with ReLU MLPs, and transcoders that are their neurons."""
    host = in_float64(loaded("gpt2", tmp_path_factory))
    return host, ModelTranscoders(neurons_of_relu_gpt2(host), read_at(host))


def test_transcoders_without_error_explain_everything(neurons):
    host, model = neurons
    _, graph = graph_of(host, model, TOKENS, 0, EVERYTHING)
    scores = GraphScores.of(graph)
    assert scores.replacement == pytest.approx(1, abs=1e-9)
    assert scores.completeness == pytest.approx(1, abs=1e-9)


def test_silent_transcoders_leave_what_tokens_say_to_the_logits_themselves(neurons):
    host, model = neurons
    nothing = replace(model, transcoders=silent(model.transcoders))
    _, graph = graph_of(host, nothing, TOKENS, 0, EVERYTHING)
    size = np.abs(graph.weights.toarray())[graph.logits]
    direct = size[:, graph.tokens].sum(1) / size.sum(1)
    scores = GraphScores.of(graph)
    weight = graph.probability_N[graph.logits]
    assert graph.features.stop == 0
    assert 0.01 < scores.replacement < 0.99
    assert scores.replacement == pytest.approx(float(weight @ direct / weight.sum()))


def test_small_changes_in_the_held_model_are_what_a_graph_without_error_predicts(neurons):
    """Behind the change neurons answer as they do: while none of them starts or stops firing, the graph is exact."""
    host, model = neurons
    prompt, graph = graph_of(host, model, TOKENS, 0, EVERYTHING)
    changes = [FeatureChange(node, 1 + 1e-6) for node in (0, 40, 90)]
    features = np.arange(graph.features.stop)
    effects = [*change_effects(host, prompt, graph, changes, features, frozen=True)]
    assert {effect.target for effect in effects} == {"logits", "features"}
    for effect in effects:
        np.testing.assert_allclose(effect.actual_T, effect.predicted_T, atol=1e-3 * np.abs(effect.predicted_T).max())
    free = [*change_effects(host, prompt, graph, changes, features, frozen=False)]
    assert max(np.abs(a.actual_T - b.actual_T).max() for a, b in zip(effects, free, strict=True)) > 1e-9


@pytest.mark.parametrize("graphed", ["gpt2"], indirect=True)
def test_predictions_follow_every_path(graphed):
    _, _, graph, _ = graphed
    weights, activation_N = graph.weights.toarray(), graph.nodes.activation_N
    per_unit = np.divide(weights, activation_N, out=np.zeros_like(weights), where=activation_N > 0)
    through = np.linalg.inv(np.eye(len(graph)) - per_unit)
    wanted = -0.5 * (through @ weights)[:, 3]
    np.testing.assert_allclose(
        predicted_changes(graph, FeatureChange(3, 0.5)), wanted, atol=1e-6 * np.abs(wanted).max()
    )


@pytest.mark.parametrize("graphed", ["gpt2"], indirect=True)
def test_limits_change_what_is_kept_and_nothing_else(graphed):
    host, prompt, graph, exact = graphed
    model, n = prompt.model, graph.features.stop
    _, same = graph_of(host, model, TOKENS, N_SPECIAL, replace(EVERYTHING, memory_bytes=1))
    np.testing.assert_allclose(same.weights.toarray(), graph.weights.toarray(), atol=10 * exact)
    _, fewer = graph_of(host, model, TOKENS, N_SPECIAL, replace(EVERYTHING, max_features=n // 2, batch_rows=4))
    assert (fewer.features.stop, fewer.n_active) == (n // 2, n)
    assert 0 < fewer.left_out_influence < 0.5, "the most influential come first"
    names = [[*zip(g.nodes.layer_N, g.nodes.position_N, g.nodes.feature_N, strict=True)] for g in (graph, fewer)]
    chosen = [names[0].index(name) for name in names[1][: n // 2]]
    both = np.r_[chosen, n : len(graph)]
    np.testing.assert_allclose(fewer.weights.toarray(), graph.weights.toarray()[np.ix_(both, both)], atol=10 * exact)
    _, thin = graph_of(host, model, TOKENS, N_SPECIAL, replace(EVERYTHING, edges_per_node=5))
    assert np.diff(thin.weights.indptr).max() == 5
    np.testing.assert_allclose(thin.input_size_N, graph.input_size_N, rtol=1e-6)


@pytest.mark.parametrize("graphed", ["gpt2"], indirect=True)
def test_influence_pruning_and_scores_are_those_of_dense_arithmetic(graphed):
    _, _, graph, _ = graphed
    scores, n = GraphScores.of(graph), len(graph)
    size = np.abs(graph.weights.toarray())
    share = size / np.maximum(size.sum(1, keepdims=True), 1e-10)
    influence_N = graph.probability_N @ (np.linalg.inv(np.eye(n) - share) - np.eye(n))
    np.testing.assert_allclose(scores.influence_N, influence_N, atol=1e-9)
    kept = pruned(graph, influence_N)
    ordered = np.sort(influence_N)[::-1]
    most = int(np.searchsorted(np.cumsum(ordered) / ordered.sum(), 0.8)) + 1
    removable = kept.node_N[: graph.tokens.start]
    assert removable.sum() <= most
    assert kept.node_N[graph.tokens.start :].all()
    entries = graph.weights.tocoo()
    target_M, source_M = entries.row[kept.edge_M], entries.col[kept.edge_M]
    assert kept.node_N[target_M].all()
    assert kept.node_N[source_M].all()
    inner = np.flatnonzero(kept.node_N[graph.features])
    assert np.isin(inner, target_M).all()
    assert np.isin(inner, source_M).all()


def test_a_model_whose_attention_cannot_be_held_is_refused(tmp_path_factory: pytest.TempPathFactory):
    host = loaded("gptj", tmp_path_factory)
    model = ModelTranscoders(random_cross_layer(host.n_layers, host.d_model), read_at(host))
    with pytest.raises(ValueError, match="its attention cannot be read"):
        graph_of(host, model, TOKENS, N_SPECIAL, EVERYTHING)


@pytest.mark.parametrize("graphed", ["gpt2"], indirect=True)
def test_the_strengths_of_all_paths_add_up_to_the_probabilities(graphed):
    _, _, graph, _ = graphed
    entries, share_M = graph.weights.tocoo(), graph.shares.data
    edges = [GraphEdge(*edge) for edge in zip(entries.col, entries.row, entries.data, share_M, strict=True)]
    first = range(graph.errors.start, graph.tokens.stop)
    logits = {node: float(graph.probability_N[node]) for node in range(graph.logits.start, len(graph))}
    one = dict([*logits.items()][:1])
    paths = [*islice(strongest_paths(edges, one, first), 2000)]
    strengths = [path.strength for path in paths]
    assert strengths == sorted(strengths, reverse=True)
    assert 0.5 < sum(strengths) / sum(one.values()) < 1 + 1e-9
    best = paths[0]
    wanted = graph.weights.toarray()[best.nodes[1:], best.nodes[:-1]]
    np.testing.assert_allclose(best.weights, wanted)
