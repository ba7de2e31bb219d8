"""Sparse feature circuits over a set of contrast pairs."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from models.attribution.feature_attribution import ERROR, exact_effects
from models.attribution.feature_circuit import SiteMask, circuit_metric
from models.experiments.circuit_edges import WITHIN, edge_rows
from models.experiments.circuit_pairs import ContrastPair, Given, Node, circuit_sites, measured_pair, named_node
from models.experiments.feature_dictionary import FeatureDictionary
from models.experiments.method import ExperimentMethod, PassCount, Rows
from models.experiments.prompt_encoding import EncodedPrompt
from models.experiments.settings.feature_circuit import FeatureCircuitSettings
from models.numerics.bootstrap import grouped_interval
from models.numerics.correlations import pearson, spearman


def _measure(given: Given, prompts: Sequence[EncodedPrompt]) -> Rows:
    pairs = [measured_pair(given, prompt) for prompt in prompts]
    means = [np.mean([pair.effects[place] for pair in pairs], axis=0) for place in range(len(given.dictionaries))]
    nodes, drawn = _strongest(means, given.settings.nodes), _drawn(means, given)
    strongest = nodes[: given.settings.exact_nodes // 2]
    sample = [*strongest, *[node for node in drawn if node not in strongest]][: given.settings.exact_nodes]
    exact = {node: given.kept.result(f"exact {node}", lambda node=node: _exact(given, pairs, node)) for node in sample}
    return {
        "circuit_node": list(_node_rows(given, pairs, nodes, exact)),
        "circuit_agreement": list(_agreement_rows(given, means, exact)),
        "circuit_faithfulness": list(_faithfulness_rows(given, pairs, nodes, drawn)),
        "circuit_edge": list(edge_rows(given, pairs, nodes[: given.settings.edge_nodes])),
    }


def _strongest(means: Sequence[np.ndarray], n: int) -> list[Node]:
    """Nodes by the size of their mean effect, the largest first; those that change nothing are left out."""
    ranked = sorted(_changing(means), key=lambda node: (-abs(means[node[0]][node[1]]), node))
    return ranked[:n]


def _changing(means: Sequence[np.ndarray]) -> list[Node]:
    places = [(place, int(at)) for place, mean in enumerate(means) for at in np.flatnonzero(mean)]
    return [(place, ERROR if at == len(means[place]) - 1 else at) for place, at in places]


def _drawn(means: Sequence[np.ndarray], given: Given) -> list[Node]:
    """All nodes that change, in an order by chance."""
    changing = _changing(means)
    return [changing[at] for at in np.random.default_rng(given.seed).permutation(len(changing))]


def _exact(given: Given, pairs: Sequence[ContrastPair], node: Node) -> float:
    place, number = node
    site = circuit_sites(given)[place]
    effects = [
        exact_effects(
            given.host, site, pair.prompt.token_ids, pair.clean[place], pair.corrupt[place], [number], pair.metric
        )
        for pair in pairs
    ]
    return float(torch.cat(effects).mean())


def _node_rows(
    given: Given, pairs: Sequence[ContrastPair], nodes: Sequence[Node], exact: Mapping[Node, float]
) -> Iterator[dict[str, Any]]:
    for rank, node in enumerate(nodes):
        effects = np.array([pair.effects[node[0]][node[1]] for pair in pairs])
        low, high = grouped_interval([pair.prompt.group_name for pair in pairs], effects, given.seed)
        yield named_node(given, node) | {
            "rank": rank,
            "effect": float(effects.mean()),
            "effect_ci_low": low,
            "effect_ci_high": high,
            "exact_effect": exact.get(node),
            "n_prompts": len(pairs),
        }


def _agreement_rows(given: Given, means: Sequence[np.ndarray], exact: Mapping[Node, float]) -> Iterator[dict[str, Any]]:
    if len(exact) < 3:
        return
    approximate = np.array([means[place][number] for place, number in exact])
    measured = np.array(list(exact.values()))
    yield {
        "method": given.settings.method,
        "n_nodes": len(exact),
        "pearson": pearson(approximate, measured),
        "spearman": spearman(approximate, measured),
        "mean_absolute_error": float(np.abs(approximate - measured).mean()),
        "mean_absolute_effect": float(np.abs(measured).mean()),
    }


def _faithfulness_rows(
    given: Given, pairs: Sequence[ContrastPair], nodes: Sequence[Node], drawn: Sequence[Node]
) -> Iterator[dict[str, Any]]:
    empty = _metrics(given, pairs, [])
    whole = np.array([pair.clean_metric for pair in pairs])
    yield _faithfulness(given, "none", 0, empty, empty, whole)
    for size in sorted({min(size, len(nodes)) for size in given.settings.circuit_sizes}):
        yield _faithfulness(given, "circuit", size, _metrics(given, pairs, nodes[:size]), empty, whole)
        without = _metrics(given, pairs, nodes[:size], complement=True)
        yield _faithfulness(given, "complement", size, without, empty, whole)
        chance = [_metrics(given, pairs, some) for some in _random_circuits(given, drawn, size)]
        if chance:
            yield _faithfulness(given, "random", size, np.mean(chance, axis=0), empty, whole)


def _random_circuits(given: Given, drawn: Sequence[Node], size: int) -> list[Sequence[Node]]:
    places = np.random.default_rng(given.seed + size)
    return [[drawn[at] for at in places.permutation(len(drawn))[:size]] for _ in range(given.settings.random_circuits)]


def _metrics(
    given: Given, pairs: Sequence[ContrastPair], nodes: Sequence[Node], *, complement: bool = False
) -> np.ndarray:
    """The metric of each pair's clean prompt when only these nodes, or all others, keep their value."""
    name = f"metrics {'all but' if complement else 'only'} {sorted(nodes)}"
    return np.array(given.kept.result(name, lambda: _measured(given, pairs, nodes, complement=complement)))


def _measured(given: Given, pairs: Sequence[ContrastPair], nodes: Sequence[Node], *, complement: bool) -> list[float]:
    masks = {}
    for place, dictionary in enumerate(given.dictionaries):
        mask = SiteMask.of([number for where, number in nodes if where == place], dictionary.sae.n_features)
        masks[dictionary.site] = mask.complement if complement else mask
    sites = circuit_sites(given)
    return [
        circuit_metric(
            given.host, pair.prompt.token_ids, dict(zip(sites, pair.corrupt, strict=True)), masks, pair.metric
        )
        for pair in pairs
    ]


def _faithfulness(
    given: Given, subset: str, size: int, metric: np.ndarray, empty: np.ndarray, whole: np.ndarray
) -> dict[str, Any]:
    low, high = grouped_interval([each.group_name for each in given.prompts], metric - empty, given.seed, whole - empty)
    span = float((whole - empty).sum())
    return {
        "subset": subset,
        "n_nodes": size,
        "metric": float(metric.mean()),
        "metric_without": float(empty.mean()),
        "metric_of_model": float(whole.mean()),
        "faithfulness": float((metric - empty).sum()) / span if span else None,
        "faithfulness_ci_low": low,
        "faithfulness_ci_high": high,
        "n_prompts": len(metric),
    }


def _check(given: Given) -> None:
    if not given.host.is_causal:
        raise ValueError(f"{given.host.architecture} is an encoder and predicts no next token: take a causal model")
    for dictionary in given.dictionaries:
        _check_dictionary(dictionary)
    if len(set(circuit_sites(given))) < len(given.dictionaries):
        raise ValueError("two of the recipes read one site: name dictionaries of different sites")


def _check_dictionary(dictionary: FeatureDictionary) -> None:
    if dictionary.written != dictionary.site:
        raise ValueError(
            f"{dictionary.recipe_id} reads {dictionary.site} and writes {dictionary.written}: a circuit of this method "
            "is made of autoencoders; name a recipe without output_site"
        )
    if dictionary.site.kind not in WITHIN:
        raise ValueError(
            f"{dictionary.recipe_id} reads {dictionary.site}; a circuit is made of dictionaries at "
            f"{', '.join(WITHIN)}: name another recipe"
        )
    if dictionary.sae.gains:
        raise ValueError(
            f"{dictionary.recipe_id} is of the architecture {dictionary.sae.architecture}, whose activations have "
            "gains of their own: effects are not followed through them; name a recipe of another architecture"
        )


def _passes(given: Given) -> PassCount:
    """Of edges the most that there can be."""
    settings, n, n_sites = given.settings, len(given.prompts), len(given.dictionaries)
    gradients = n_sites * (settings.steps if settings.method == "integrated_gradients" else 1)
    circuits = 1 + len(settings.circuit_sizes) * (2 + settings.random_circuits)
    edges = settings.edge_nodes * (n_sites - 1)
    per_pair = 2 + gradients + 2 * settings.exact_nodes + circuits + edges
    return PassCount(n * per_pair, n * (gradients + edges))


METHOD = ExperimentMethod(settings=FeatureCircuitSettings, measure=_measure, passes=_passes, check=_check)
