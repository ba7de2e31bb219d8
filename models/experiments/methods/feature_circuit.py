"""Sparse feature circuits over a set of contrast pairs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from models.attribution.answer_metric import AnswerMetric
from models.attribution.feature_attribution import (
    ERROR,
    DecomposedSite,
    Metric,
    exact_effects,
    mean_gradient,
    node_effects,
    site_values,
)
from models.attribution.feature_circuit import SiteMask, circuit_metric, edge_effects
from models.experiments.feature_dictionary import FeatureDictionary
from models.experiments.method import ExperimentInput, ExperimentMethod, PassCount, Rows
from models.experiments.prompt_encoding import EncodedPrompt
from models.experiments.prompt_intervals import prompt_interval
from models.experiments.settings.feature_circuit import FeatureCircuitSettings
from models.language_model.sites import Site
from models.numerics.correlations import pearson, spearman

Given = ExperimentInput[FeatureCircuitSettings]
Node = tuple[int, int]
"""Place of its dictionary in the card, and number of the feature, or ERROR."""


@dataclass(frozen=True)
class _Pair:
    """One contrast pair: values of both prompts at every site, the metric of both, and each node's effect."""

    prompt: EncodedPrompt
    metric: Metric
    clean: Sequence[DecomposedSite]
    corrupt: Sequence[DecomposedSite]
    clean_metric: float
    corrupt_metric: float
    gradients: Sequence[torch.Tensor]
    effects: Sequence[np.ndarray]
    """For each dictionary the effects of its features, and last that of its error."""


def _measure(given: Given, prompts: Sequence[EncodedPrompt]) -> Rows:
    pairs = [_pair(given, prompt) for prompt in prompts]
    means = [np.mean([pair.effects[place] for pair in pairs], axis=0) for place in range(len(given.dictionaries))]
    nodes, drawn = _strongest(means, given.settings.nodes), _drawn(means, given)
    strongest = nodes[: given.settings.exact_nodes // 2]
    sample = [*strongest, *[node for node in drawn if node not in strongest]][: given.settings.exact_nodes]
    exact = {node: given.kept.result(f"exact {node}", lambda node=node: _exact(given, pairs, node)) for node in sample}
    return {
        "circuit_node": list(_node_rows(given, pairs, nodes, exact)),
        "circuit_agreement": list(_agreement_rows(given, means, exact)),
        "circuit_faithfulness": list(_faithfulness_rows(given, pairs, nodes, drawn)),
        "circuit_edge": list(_edge_rows(given, pairs, nodes[: given.settings.edge_nodes])),
    }


def _pair(given: Given, prompt: EncodedPrompt) -> _Pair:
    assert prompt.answer_id is not None
    assert prompt.foil_id is not None
    assert prompt.corrupt_ids is not None
    metric, settings, sites = (
        AnswerMetric("logit_difference", prompt.answer_id, prompt.foil_id),
        given.settings,
        _sites(given),
    )
    (x_clean, m_clean), (x_corrupt, m_corrupt) = (
        site_values(given.host, sites, ids, metric) for ids in (prompt.token_ids, prompt.corrupt_ids)
    )
    n_steps = settings.steps if settings.method == "integrated_gradients" else 0
    gradients, clean, corrupt, effects = [], [], [], []
    for dictionary, site in zip(given.dictionaries, sites, strict=True):
        values = x_clean[site], x_corrupt[site]
        gradients.append(
            given.kept.result(
                f"gradient {prompt.prompt_id} {site}",
                lambda site=site, values=values: mean_gradient(
                    given.host, site, prompt.token_ids, *values, metric, n_steps
                ),
            )
        )
        for x, decomposed in zip(values, (clean, corrupt), strict=True):
            decomposed.append(DecomposedSite.of(dictionary.sae, x, prompt.n_special))
        features_F, error = node_effects(clean[-1], corrupt[-1], gradients[-1])
        effects.append(np.append(features_F.cpu().numpy(), error))
    return _Pair(prompt, metric, clean, corrupt, m_clean, m_corrupt, gradients, effects)


def _sites(given: Given) -> list[Site]:
    return [dictionary.site for dictionary in given.dictionaries]


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


def _exact(given: Given, pairs: Sequence[_Pair], node: Node) -> float:
    place, number = node
    site = _sites(given)[place]
    effects = [
        exact_effects(
            given.host, site, pair.prompt.token_ids, pair.clean[place], pair.corrupt[place], [number], pair.metric
        )
        for pair in pairs
    ]
    return float(torch.cat(effects).mean())


def _node_rows(
    given: Given, pairs: Sequence[_Pair], nodes: Sequence[Node], exact: Mapping[Node, float]
) -> Iterator[dict[str, Any]]:
    for rank, node in enumerate(nodes):
        effects = np.array([pair.effects[node[0]][node[1]] for pair in pairs])
        low, high = prompt_interval([pair.prompt for pair in pairs], effects, np.ones(len(effects)), given.seed)
        yield _named(given, node) | {
            "rank": rank,
            "effect": float(effects.mean()),
            "effect_ci_low": low,
            "effect_ci_high": high,
            "exact_effect": exact.get(node),
            "n_prompts": len(pairs),
        }


def _named(given: Given, node: Node, prefix: str = "") -> dict[str, Any]:
    place, number = node
    kind = "error" if number == ERROR else "feature"
    values = {"recipe_id": given.dictionaries[place].recipe_id, "kind": kind}
    return {f"{prefix}{key}": value for key, value in values.items()} | {
        f"{prefix}feature_id": None if number == ERROR else number
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
    given: Given, pairs: Sequence[_Pair], nodes: Sequence[Node], drawn: Sequence[Node]
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


def _metrics(given: Given, pairs: Sequence[_Pair], nodes: Sequence[Node], *, complement: bool = False) -> np.ndarray:
    """The metric of each pair's clean prompt when only these nodes, or all others, keep their value."""
    name = f"metrics {'all but' if complement else 'only'} {sorted(nodes)}"
    return np.array(given.kept.result(name, lambda: _measured(given, pairs, nodes, complement=complement)))


def _measured(given: Given, pairs: Sequence[_Pair], nodes: Sequence[Node], *, complement: bool) -> list[float]:
    masks = {}
    for place, dictionary in enumerate(given.dictionaries):
        mask = SiteMask.of([number for where, number in nodes if where == place], dictionary.sae.n_features)
        masks[dictionary.site] = mask.complement if complement else mask
    sites = _sites(given)
    return [
        circuit_metric(
            given.host, pair.prompt.token_ids, dict(zip(sites, pair.corrupt, strict=True)), masks, pair.metric
        )
        for pair in pairs
    ]


def _faithfulness(
    given: Given, subset: str, size: int, metric: np.ndarray, empty: np.ndarray, whole: np.ndarray
) -> dict[str, Any]:
    low, high = prompt_interval(given.prompts, metric - empty, whole - empty, given.seed)
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


def _edge_rows(given: Given, pairs: Sequence[_Pair], nodes: Sequence[Node]) -> Iterator[dict[str, Any]]:
    sites = _sites(given)
    kept = {place: [number for where, number in nodes if where == place] for place in range(len(sites))}
    for target in nodes:
        for place in range(len(sites)):
            if not kept[place] or not _comes_before(sites[place], sites[target[0]]):
                continue
            numbers = kept[place]
            means = given.kept.result(
                f"edges {place} {target} {numbers}",
                lambda place=place, target=target, numbers=numbers: _mean_edges(given, pairs, place, target, numbers),
            )
            for number, effect in zip(numbers, means, strict=True):
                yield (
                    _named(given, (place, number), "from_")
                    | _named(given, target, "to_")
                    | {
                        "effect": effect,
                        "n_prompts": len(pairs),
                    }
                )


def _mean_edges(given: Given, pairs: Sequence[_Pair], place: int, target: Node, numbers: Sequence[int]) -> list[float]:
    """The mean effect of each node of an earlier place through a target."""
    effects = [_edges(given, pair, place, target) for pair in pairs]
    return [float(np.mean([each[number] for each in effects])) for number in numbers]


def _edges(given: Given, pair: _Pair, place: int, target: Node) -> np.ndarray:
    sites = _sites(given)
    features_F, error = edge_effects(
        given.host,
        pair.prompt.token_ids,
        (sites[place], pair.clean[place], pair.corrupt[place]),
        (sites[target[0]], pair.clean[target[0]]),
        target[1],
        pair.gradients[target[0]],
    )
    return np.append(features_F.cpu().numpy(), error)


_WITHIN = ("resid_pre", "attn_out", "resid_mid", "mlp_out", "resid_post")
"""Sites of one block in the order in which a pass reaches them."""


def _comes_before(site: Site, other: Site) -> bool:
    return _order(site) < _order(other)


def _order(site: Site) -> tuple[int, int]:
    return (-1, 0) if site.layer is None else (site.layer, _WITHIN.index(site.kind))


def _check(given: Given) -> None:
    if not given.host.is_causal:
        raise ValueError(f"{given.host.architecture} is an encoder and predicts no next token: take a causal model")
    for dictionary in given.dictionaries:
        _check_dictionary(dictionary)
    if len(set(_sites(given))) < len(given.dictionaries):
        raise ValueError("two of the recipes read one site: name dictionaries of different sites")


def _check_dictionary(dictionary: FeatureDictionary) -> None:
    if dictionary.written != dictionary.site:
        raise ValueError(
            f"{dictionary.recipe_id} reads {dictionary.site} and writes {dictionary.written}: a circuit of this method "
            "is made of autoencoders; name a recipe without output_site"
        )
    if dictionary.site.kind not in _WITHIN:
        raise ValueError(
            f"{dictionary.recipe_id} reads {dictionary.site}; a circuit is made of dictionaries at "
            f"{', '.join(_WITHIN)}: name another recipe"
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
