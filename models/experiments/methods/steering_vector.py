"""Steering vectors from a prompt set: made, measured on groups held out, and taken apart into features."""

from collections.abc import Iterator, Sequence
from typing import Any

from torch import Tensor

from models.experiments.answer_choices import Choice, choice_log_probabilities, matching_share
from models.experiments.contrast_prompts import ContrastPrompts
from models.experiments.direction_features import check_width, feature_rows, is_written_at
from models.experiments.layer_directions import READ_AT, LayerDirection, kinds_of, layer_directions, layers_of
from models.experiments.method import ExperimentInput, ExperimentMethod, PassCount, Rows
from models.experiments.prompt_encoding import EncodedPrompt
from models.experiments.settings.steering_vector import SteeringVectorSettings
from models.interventions.contrast_directions import random_direction
from models.interventions.shifted_prediction import StreamShift
from models.language_model.sites import Site
from models.numerics.bootstrap import grouped_interval

Given = ExperimentInput[SteeringVectorSettings]


def _measure(given: Given, _: Sequence[EncodedPrompt]) -> Rows:
    """All prompts belong together: a direction is made from all that are not held out."""
    prompts, tables = _prompts(given), {name: list[dict[str, Any]]() for name in given.settings.tables}
    unsteered_NK = choice_log_probabilities(given.host, prompts.choices)
    kinds, layers = kinds_of(prompts, given.settings.vectors), layers_of(given.host, given.settings.layers)
    directions = layer_directions(given.host, prompts, kinds, layers, given.seed, given.kept)
    for number, direction in enumerate(directions):
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


def _direction_row(direction: LayerDirection, prompts: ContrastPrompts) -> dict[str, Any]:
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


def _prompts(given: Given) -> ContrastPrompts:
    settings = given.settings
    return ContrastPrompts.of(given.prompts, settings.test_share, given.seed, settings.positive)


def _effects(
    given: Given, direction: LayerDirection, choices: Sequence[Choice], unsteered_NK: Tensor
) -> Iterator[dict[str, Any]]:
    """Share of the matching token in the probability of both, for each multiple of the direction."""
    if not choices:
        return
    added = {
        "value": direction.vector_D,
        "shuffled": direction.shuffled_D,
        "random": random_direction(direction.vector_D, given.seed),
    }
    site, groups = Site("resid_post", direction.layer), [choice.group for choice in choices]
    for alpha in sorted(set(given.settings.alphas)):
        found = {}
        for name, added_D in added.items():
            delta_ND = (alpha * added_D).expand(len(choices), -1)
            shift = StreamShift(site, delta_ND, given.settings.steered)
            found[name] = unsteered_NK if alpha == 0 else choice_log_probabilities(given.host, choices, shift)
        share_N = matching_share(found["value"])
        low, high = grouped_interval(groups, share_N, given.seed)
        yield {
            "intervention": "add",
            "alpha": alpha,
            "asked_of": "held out",
            "metric": "p_matching",
            "ci_low": low,
            "ci_high": high,
            "n": len(choices),
            "n_groups": len(set(groups)),
            "mass": float(found["value"].exp().sum(1).mean()),
            "unsteered": float(matching_share(unsteered_NK).mean()),
            **{name: float(matching_share(each).mean()) for name, each in found.items()},
        }


def _check(given: Given) -> None:
    kinds_of(_prompts(given), given.settings.vectors)
    layers_of(given.host, given.settings.layers)
    check_width(given.dictionary, given.host.d_model)


def _passes(given: Given) -> PassCount:
    prompts, n_alphas = _prompts(given), len(set(given.settings.alphas) - {0.0})
    layers = layers_of(given.host, given.settings.layers)
    n_directions = len(kinds_of(prompts, given.settings.vectors)) * len(layers)
    made_from = len(prompts.positive) + len(prompts.negative)
    return PassCount(forward=made_from + len(prompts.choices) * (1 + 3 * n_alphas * n_directions))


METHOD = ExperimentMethod(settings=SteeringVectorSettings, measure=_measure, passes=_passes, check=_check)
