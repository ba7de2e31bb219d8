"""Edges of a feature circuit: how much of a node's effect comes through each earlier one."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from models.attribution.feature_circuit import edge_effects
from models.experiments.circuit_pairs import ContrastPair, Given, Node, circuit_sites, named_node
from models.language_model.sites import Site

WITHIN = ("resid_pre", "attn_out", "resid_mid", "mlp_out", "resid_post")
"""Sites of one block in the order in which a pass reaches them."""


def edge_rows(given: Given, pairs: Sequence[ContrastPair], nodes: Sequence[Node]) -> Iterator[dict[str, Any]]:
    """Rows of `circuit_edge` between some nodes."""
    sites = circuit_sites(given)
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
                    named_node(given, (place, number), "from_")
                    | named_node(given, target, "to_")
                    | {
                        "effect": effect,
                        "n_prompts": len(pairs),
                    }
                )


def _mean_edges(
    given: Given, pairs: Sequence[ContrastPair], place: int, target: Node, numbers: Sequence[int]
) -> list[float]:
    """The mean effect of each node of an earlier place through a target."""
    effects = [_edges(given, pair, place, target) for pair in pairs]
    return [float(np.mean([each[number] for each in effects])) for number in numbers]


def _edges(given: Given, pair: ContrastPair, place: int, target: Node) -> np.ndarray:
    sites = circuit_sites(given)
    features_F, error = edge_effects(
        given.host,
        pair.prompt.token_ids,
        (sites[place], pair.clean[place], pair.corrupt[place]),
        (sites[target[0]], pair.clean[target[0]]),
        target[1],
        pair.gradients[target[0]],
    )
    return np.append(features_F.cpu().numpy(), error)


def _comes_before(site: Site, other: Site) -> bool:
    return _order(site) < _order(other)


def _order(site: Site) -> tuple[int, int]:
    return (-1, 0) if site.layer is None else (site.layer, WITHIN.index(site.kind))
