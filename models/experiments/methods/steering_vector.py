"""Steering vectors from a prompt set: made, measured on groups held out, and taken apart into features."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from models.experiments.contrast_prompts import Choice, ContrastPrompts, Given, group_numbers, read_stream
from models.experiments.direction_features import check_width, feature_rows, is_written_at
from models.experiments.method import ExperimentMethod, PassCount, Rows
from models.experiments.prompt import InvalidPrompt
from models.experiments.prompt_encoding import EncodedPrompt
from models.experiments.settings.steering_vector import SteeringVectorSettings
from models.interventions.contrast_directions import (
    mean_difference,
    pca_difference,
    random_direction,
    shuffled_labels,
    with_half_exchanged,
)
from models.interventions.shifted_prediction import StreamShift, last_log_probabilities
from models.language_model.sites import Site
from models.numerics.bootstrap import ratio_interval

READ_AT = {"caa": "last", "pca_difference": "last", "mean_difference": "text"}
"""Which tokens each kind is made from."""
NEED_PAIRS = ("caa", "pca_difference")


@dataclass(frozen=True, slots=True)
class Direction:
    """A direction behind one block, with what the same method makes of shuffled labels."""

    kind: str
    layer: int
    vector_D: Tensor
    shuffled_D: Tensor
    stream_norm: float
    """Mean length of the stream that it was made from."""


def _kinds(given: Given, prompts: ContrastPrompts) -> Sequence[str]:
    possible = [kind for kind in READ_AT if prompts.are_pairs or kind not in NEED_PAIRS]
    asked = given.settings.vectors
    if asked and (lacking := [kind for kind in asked if kind not in possible]):
        raise InvalidPrompt(f"{', '.join(lacking)} is made from pairs: give a set of kind contrast_pairs")
    return asked or possible


def _layers(given: Given) -> Sequence[int]:
    asked, n_layers = given.settings.layers, given.host.n_layers
    if beyond := [layer for layer in asked or () if layer >= n_layers]:
        raise ValueError(f"layers {beyond} of a model with blocks 0 to {n_layers - 1}: name some of these")
    return asked if asked is not None else range(n_layers)


def _measure(given: Given, _: Sequence[EncodedPrompt]) -> Rows:
    """All prompts belong together: a direction is made from all that are not held out."""
    prompts, tables = ContrastPrompts.of(given), {name: list[dict[str, Any]]() for name in given.settings.tables}
    unsteered_NK = _choice_probabilities(given, prompts.choices)
    for number, direction in enumerate(_directions(given, prompts)):
        key = {"direction_id": number}
        effects = given.kept.result(
            f"effects {direction.kind} {direction.layer}",
            lambda direction=direction: list(_effects(given, direction, prompts.choices, unsteered_NK)),
        )
        tables["direction"].append(key | _direction_row(direction, prompts))
        tables["direction_effect"] += [key | row for row in effects]
        if given.dictionary is not None and is_written_at(direction.layer, given.dictionary, given.host.n_layers):
            rows = feature_rows(direction.vector_D, given.dictionary, given.settings.top_features, given.seed)
            tables["direction_feature"] += [key | row for row in rows]
    return tables


def _directions(given: Given, prompts: ContrastPrompts) -> Iterator[Direction]:
    layers = _layers(given)
    positive, negative = (
        read_stream(given.host, side, layers, prompts.n_special, given.kept, name)
        for name, side in (("positive", prompts.positive), ("negative", prompts.negative))
    )
    for kind in _kinds(given, prompts):
        make = pca_difference if kind == "pca_difference" else mean_difference
        shuffle = with_half_exchanged if prompts.are_pairs else shuffled_labels
        for place, layer in enumerate(layers):
            one_ND, other_ND = positive[READ_AT[kind]][place], negative[READ_AT[kind]][place]
            shuffled_D = make(*shuffle(one_ND, other_ND, given.seed))
            norm = float(torch.cat([one_ND, other_ND]).norm(dim=-1).mean())
            yield Direction(kind, layer, make(one_ND, other_ND), shuffled_D, norm)


def _direction_row(direction: Direction, prompts: ContrastPrompts) -> dict[str, Any]:
    return {
        "kind": direction.kind,
        "site": f"resid_post.{direction.layer}",
        "layer": direction.layer,
        "position_rule": READ_AT[direction.kind],
        "n_positive": len(prompts.positive),
        "n_negative": len(prompts.negative),
        "norm": float(direction.vector_D.norm()),
        "shuffled_norm": float(direction.shuffled_D.norm()),
        "stream_norm": direction.stream_norm,
        "vector": direction.vector_D.tolist(),
    }


def _choice_probabilities(given: Given, choices: Sequence[Choice], shift: StreamShift | None = None) -> np.ndarray:
    """Probability of the matching token and of the other, (N, 2)."""
    if not choices:
        return np.zeros((0, 2))
    tokens_NK = torch.tensor([(choice.matching, choice.other) for choice in choices])
    batches = torch.cat([
        log_BV.cpu().gather(1, tokens_BK)
        for log_BV, tokens_BK in _with_rows(
            last_log_probabilities(given.host, [choice.token_ids for choice in choices], shift), tokens_NK
        )
    ])  # fmt: skip
    return batches.double().exp().numpy()


def _with_rows(batches: Iterator[Tensor], rows_NK: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    start = 0
    for batch in batches:
        yield batch, rows_NK[start : start + len(batch)]
        start += len(batch)


def _effects(
    given: Given, direction: Direction, choices: Sequence[Choice], unsteered_NK: np.ndarray
) -> Iterator[dict[str, Any]]:
    """Share of the matching token in the probability of both, for each multiple of the direction."""
    if not choices:
        return
    added = {
        "value": direction.vector_D,
        "shuffled": direction.shuffled_D,
        "random": random_direction(direction.vector_D, given.seed),
    }
    site, group_N = Site("resid_post", direction.layer), group_numbers(choices)
    for alpha in sorted(set(given.settings.alphas)):
        found = {}
        for name, added_D in added.items():
            delta_ND = (alpha * added_D).expand(len(choices), -1)
            shift = StreamShift(site, delta_ND, given.settings.steered)
            found[name] = unsteered_NK if alpha == 0 else _choice_probabilities(given, choices, shift)
        share_N = _share(found["value"])
        interval = ratio_interval(np.bincount(group_N, share_N), np.bincount(group_N).astype(float), given.seed)
        low, high = interval or (None, None)
        yield {
            "intervention": "add",
            "alpha": alpha,
            "asked_of": "held out",
            "metric": "p_matching",
            "ci_low": low,
            "ci_high": high,
            "n": len(choices),
            "n_groups": len(set(group_N.tolist())),
            "mass": float(found["value"].sum(1).mean()),
            "unsteered": float(_share(unsteered_NK).mean()),
            **{name: float(_share(each).mean()) for name, each in found.items()},
        }


def _share(probability_NK: np.ndarray) -> np.ndarray:
    return probability_NK[:, 0] / np.maximum(probability_NK.sum(1), 1e-300)


def _check(given: Given) -> None:
    _kinds(given, ContrastPrompts.of(given))
    _layers(given)
    check_width(given.dictionary, given.host.d_model)


def _passes(given: Given) -> PassCount:
    prompts, n_alphas = ContrastPrompts.of(given), len(set(given.settings.alphas) - {0.0})
    n_directions = len(_kinds(given, prompts)) * len(_layers(given))
    made_from = len(prompts.positive) + len(prompts.negative)
    return PassCount(forward=made_from + len(prompts.choices) * (1 + 3 * n_alphas * n_directions))


METHOD = ExperimentMethod(settings=SteeringVectorSettings, measure=_measure, passes=_passes, check=_check)
