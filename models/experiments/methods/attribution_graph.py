"""Attribution graphs of the prompts of a set."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from models.attribution.graphs.attribution_graph import GraphLimits, graph_of
from models.attribution.graphs.changed_features import FeatureChange, change_effects
from models.attribution.graphs.influence import GraphScores, pruned
from models.attribution.graphs.transcoded_prompt import ModelTranscoders
from models.dictionaries.cross_layer_set import transcoder_set
from models.experiments.feature_dictionary import FeatureDictionary
from models.experiments.graph_rows import PrunedPrompt, check_row, edge_rows, graph_row, node_rows
from models.experiments.method import ExperimentInput, ExperimentMethod, PassCount, Rows
from models.experiments.prompt_encoding import EncodedPrompt
from models.experiments.settings.attribution_graph import AttributionGraphSettings
from models.language_model.sites import Site
from models.language_model.stream_readout import StreamReadout

Given = ExperimentInput[AttributionGraphSettings]
READ_KINDS = ("mlp_in", "resid_mid", "resid_pre")


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
    return PrunedPrompt(prompt.prompt_id, passed, graph, scores, kept)


def model_transcoders(dictionaries: Sequence[FeatureDictionary]) -> ModelTranscoders:
    """The dictionaries as one set, one a block."""
    placed = {_layer(dictionary): dictionary for dictionary in dictionaries}
    transcoders = transcoder_set({layer: each.sae for layer, each in placed.items()})
    return ModelTranscoders(transcoders, {layer: each.site for layer, each in placed.items()})


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
    layers = [_layer(dictionary) for dictionary in given.dictionaries]
    if len(set(layers)) < len(layers):
        raise ValueError("two of the recipes write the MLP of one block: name one transcoder a block")
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


def _layer(dictionary: FeatureDictionary) -> int:
    """The block whose MLP a transcoder stands for.

    Raises:
        ValueError: If it is none.
    """
    read, written, recipe_id = dictionary.site, dictionary.written, dictionary.recipe_id
    if written.kind != "mlp_out" or written.layer is None:
        raise ValueError(
            f"{recipe_id} writes {written}: an attribution graph is made of transcoders of MLPs; name recipes with "
            "`site: mlp_in.L` and `output_site: mlp_out.L`"
        )
    if read.kind not in READ_KINDS or read.layer != written.layer:
        wanted = ", ".join(f"{kind}.{written.layer}" for kind in READ_KINDS)
        raise ValueError(
            f"{recipe_id} reads {read} and writes {written}: name a transcoder that reads one of {wanted}, as the MLP "
            "does"
        )
    if dictionary.sae.gains:
        raise ValueError(
            f"{recipe_id} is of the architecture {dictionary.sae.architecture}, whose activations have gains of their "
            "own: effects are not followed through them; name a recipe of another architecture"
        )
    return written.layer


def _passes(given: Given) -> PassCount:
    """One that is read, two for frozen norms and paths; of rows the most that the limit allows."""
    settings, n = given.settings, len(given.prompts)
    changes = 2 * (settings.checked_nodes * len(settings.factors) + 2) if settings.checked_nodes else 0
    features = sum(dictionary.n_features for dictionary in given.dictionaries)
    firing = sum(len(prompt.token_ids) for prompt in given.prompts) * features
    rows = firing if settings.max_features is None else min(firing, n * settings.max_features)
    return PassCount(n * (3 + changes), rows + n * settings.max_logits)


METHOD = ExperimentMethod(settings=AttributionGraphSettings, measure=_measure, passes=_passes, check=_check)
