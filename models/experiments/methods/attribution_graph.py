"""Attribution graphs of the prompts of a set."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from models.attribution.graphs.attribution_graph import GraphLimits, graph_of
from models.attribution.graphs.changed_features import FeatureChange, change_effects
from models.attribution.graphs.influence import GraphScores, pruned
from models.attribution.graphs.node_clusters import node_clusters
from models.experiments.block_transcoders import check_block_transcoders, model_transcoders
from models.experiments.graph_rows import PrunedPrompt, check_row, edge_rows, graph_row, node_rows
from models.experiments.method import ExperimentInput, ExperimentMethod, PassCount, Rows
from models.experiments.prompt_encoding import EncodedPrompt
from models.experiments.settings.attribution_graph import AttributionGraphSettings
from models.language_model.sites import Site
from models.language_model.stream_readout import StreamReadout

Given = ExperimentInput[AttributionGraphSettings]


def _measure(given: Given, prompts: Sequence[EncodedPrompt]) -> Rows:
    settings, graphs = given.settings, [pruned_prompt(given, prompt) for prompt in prompts]
    named = (given.dictionaries, settings.supernodes, given.host.tokenizer)
    return {
        "attribution_graph": [graph_row(each, settings) for each in graphs],
        "graph_node": [row for each in graphs for row in node_rows(each, *named)],
        "graph_edge": [row for each in graphs for row in edge_rows(each)],
        "graph_check": [row for each in graphs for row in _check_rows(given, each)],
    }


def pruned_prompt(given: Given, prompt: EncodedPrompt) -> PrunedPrompt:
    """The graph of a prompt as the settings want it."""
    settings, transcoders = given.settings, model_transcoders(given.dictionaries)
    passed, graph = graph_of(given.host, transcoders, prompt.token_ids, prompt.n_special, _limits(settings))
    scores = GraphScores.of(graph)
    kept = pruned(graph, scores.influence_N, settings.node_threshold, settings.edge_threshold)
    return PrunedPrompt(prompt.prompt_id, passed, graph, scores, kept, node_clusters(graph, kept))


def _limits(settings: AttributionGraphSettings) -> GraphLimits:
    return GraphLimits(
        max_features=settings.max_features,
        logit_mass=settings.logit_mass,
        max_logits=settings.max_logits,
        edges_per_node=settings.edges_per_node,
        memory_bytes=int(settings.memory_gib * 2**30),
    )


def _check_rows(given: Given, found: PrunedPrompt) -> Iterator[dict[str, Any]]:
    """Half of the nodes are the most influential, half drawn among the others that are kept."""
    settings, features = given.settings, found.kept_features
    n_first = (min(settings.checked_nodes, len(features)) + 1) // 2
    drawn = np.random.default_rng([given.seed, found.prompt_id]).permutation(features[n_first:])
    nodes = [*features[:n_first], *drawn[: settings.checked_nodes - n_first]]
    changes = [FeatureChange(int(node), factor) for node in nodes for factor in settings.factors]
    for frozen in (True, False):
        for effect in change_effects(given.host, found.passed, found.graph, changes, features, frozen=frozen):
            yield check_row(found.prompt_id, effect, frozen)


def _check(given: Given) -> None:
    StreamReadout.of(given.host)
    given.host.width(Site("q", 0))  # says why, where attention cannot be read
    check_block_transcoders(given.dictionaries)
    recipes = {dictionary.recipe_id: dictionary for dictionary in given.dictionaries}
    for name, features in given.settings.supernodes.items():
        for each in features:
            recipe, _, feature = each.rpartition("/")
            if recipe not in recipes or not feature.isdecimal():
                raise ValueError(
                    f"supernode {name}: {each!r} is no feature of this experiment: write recipe/feature, the recipe "
                    f"one of {', '.join(recipes)}"
                )
            recipes[recipe].check([int(feature)], alive=False)


def _passes(given: Given) -> PassCount:
    """One that is read, two for frozen norms and paths; of rows the most that the limit allows."""
    settings, n = given.settings, len(given.prompts)
    changes = 2 * (settings.checked_nodes * len(settings.factors) + 2) if settings.checked_nodes else 0
    features = sum(dictionary.n_features for dictionary in given.dictionaries)
    firing = sum(len(prompt.token_ids) for prompt in given.prompts) * features
    rows = firing if settings.max_features is None else min(firing, n * settings.max_features)
    return PassCount(n * (3 + changes), rows + n * settings.max_logits)


METHOD = ExperimentMethod(settings=AttributionGraphSettings, measure=_measure, passes=_passes, check=_check)
