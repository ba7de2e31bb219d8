"""Steering behind several blocks at once: strengths searched together, reported on groups that chose nothing.

N choices, L blocks, D model width.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from models.experiments.answer_choices import Choice, choice_log_probabilities, matching_share
from models.experiments.contrast_prompts import ContrastPrompts
from models.experiments.layer_directions import LayerDirection, kinds_of, layer_directions, layers_of
from models.experiments.method import ExperimentInput, ExperimentMethod, PassCount, Rows
from models.experiments.prompt import InvalidPrompt
from models.experiments.prompt_encoding import EncodedPrompt
from models.experiments.selecting_half import selecting_groups
from models.experiments.settings.layered_steering import LayeredSteeringSettings
from models.interventions.contrast_directions import random_direction
from models.interventions.shifted_prediction import StreamShift
from models.interventions.strength_search import FoundStrengths, best_strengths
from models.language_model.sites import Site
from models.numerics.bootstrap import grouped_interval

Given = ExperimentInput[LayeredSteeringSettings]
UNSTEERED, BEST_BLOCK = "unsteered", "best_block"


@dataclass(frozen=True, slots=True)
class SteeredBlocks:
    """Vectors behind some blocks, of which multiples are added."""

    layers: Sequence[int]
    vectors_LD: Tensor

    def log_probabilities(self, given: Given, choices: Sequence[Choice], strength_L: Tensor) -> Tensor:
        """Of the matching token and of the other, (N, 2)."""
        shifts = [
            StreamShift(
                Site("resid_post", layer), (strength * vector_D).expand(len(choices), -1), given.settings.steered
            )
            for layer, strength, vector_D in zip(self.layers, strength_L, self.vectors_LD, strict=True)
        ]
        return choice_log_probabilities(given.host, choices, *shifts)

    def search(
        self, given: Given, name: str, choices: Sequence[Choice], starts: Sequence[np.ndarray]
    ) -> "SearchedSteering":
        """The strengths under which the matching answers are likeliest; a run that goes on finds them kept."""
        settings = given.settings

        def value(strength_L: Tensor) -> Tensor:
            return self.log_probabilities(given, choices, strength_L)[:, 0].mean()

        def search() -> dict[str, Any]:
            return asdict(best_strengths(value, starts, settings.most_strength, settings.iterations))

        return SearchedSteering(name, self, FoundStrengths(**given.kept.result(f"{name} {list(self.layers)}", search)))


@dataclass(frozen=True, slots=True)
class SearchedSteering:
    """Blocks and strengths that were found for them."""

    name: str
    blocks: SteeredBlocks
    found: FoundStrengths


def _measure(given: Given, _: Sequence[EncodedPrompt]) -> Rows:
    """All prompts belong together: directions, strengths and effects have groups of their own."""
    prompts = _prompts(given)
    selecting, reporting = _halves(prompts.choices)
    layers = layers_of(given.host, given.settings.layers)
    directions = list(layer_directions(given.host, prompts, [given.settings.vector], layers, given.seed, given.kept))
    alone = [_alone(given, selecting, direction) for direction in directions]
    best = max(alone, key=lambda condition: condition.found.value)
    together = list(_together(given, selecting, directions, best))
    compared = [SearchedSteering(BEST_BLOCK, best.blocks, best.found), *together]
    return {
        "layered_steering_effect": [
            row
            for asked_of, choices in (("selecting", selecting), ("reporting", reporting))
            for row in _effects(given, asked_of, choices, compared)
        ],
        "layered_steering_strength": [
            row for condition in (*alone, *together) for row in _strengths(given, condition, directions)
        ],
    }


def _prompts(given: Given) -> ContrastPrompts:
    settings = given.settings
    return ContrastPrompts.of(given.prompts, settings.test_share, given.seed, settings.positive)


def _halves(choices: Sequence[Choice]) -> tuple[Sequence[Choice], Sequence[Choice]]:
    """Choices by which strengths are found, and those of other groups on which they are reported."""
    chosen = selecting_groups([choice.group for choice in choices])
    selecting, reporting = ([c for c in choices if (c.group in chosen) == side] for side in (True, False))
    if not selecting or not reporting:
        raise InvalidPrompt(
            f"{len(chosen)} groups of prompts with an answer are left to choose strengths and to report them: two are "
            "needed at least; give more groups, a larger `test_share`, or rows with answer and foil"
        )
    return selecting, reporting


def _alone(given: Given, choices: Sequence[Choice], direction: LayerDirection) -> SearchedSteering:
    blocks = SteeredBlocks([direction.layer], direction.vector_D[None])
    starts = [np.array([1.0]), np.array([given.settings.most_strength / 2])]
    return blocks.search(given, "block_alone", choices, starts)


def _together(
    given: Given, choices: Sequence[Choice], directions: Sequence[LayerDirection], best: SearchedSteering
) -> Iterator[SearchedSteering]:
    """All blocks, searched from the best block alone and from an equal share of each; baselines are searched alike."""
    layers = [direction.layer for direction in directions]
    vectors = {
        "all_blocks": [direction.vector_D for direction in directions],
        "all_blocks_shuffled": [direction.shuffled_D for direction in directions],
        "all_blocks_random": [random_direction(d.vector_D, given.seed + d.layer) for d in directions],
    }
    alone_L = np.where(np.array(layers) == best.blocks.layers[0], best.found.strength_L[0], 0.0)
    starts = [alone_L, np.full(len(layers), 1 / len(layers))]
    for name, vectors_LD in vectors.items():
        yield SteeredBlocks(layers, torch.stack(vectors_LD)).search(given, name, choices, starts)


def _effects(
    given: Given, asked_of: str, choices: Sequence[Choice], conditions: Sequence[SearchedSteering]
) -> Iterator[dict[str, Any]]:
    """What each condition does to the choices; its difference from the best block alone is taken choice by choice."""
    log_NK = {UNSTEERED: choice_log_probabilities(given.host, choices)}
    for condition in conditions:
        strength_L = torch.tensor(condition.found.strength_L, dtype=torch.float64)
        log_NK[condition.name] = condition.blocks.log_probabilities(given, choices, strength_L)
    evaluations = {condition.name: condition.found.n_evaluations for condition in conditions}
    groups = [choice.group for choice in choices]
    for name, of_both_NK in log_NK.items():
        matching_N = of_both_NK[:, 0].numpy()
        difference_N = matching_N - log_NK[BEST_BLOCK][:, 0].numpy()
        yield {
            "condition": name,
            "asked_of": asked_of,
            "log_p_matching": float(matching_N.mean()),
            **dict(zip(("ci_low", "ci_high"), grouped_interval(groups, matching_N, given.seed), strict=True)),
            "above_best_block": float(difference_N.mean()),
            **dict(zip(("above_low", "above_high"), grouped_interval(groups, difference_N, given.seed), strict=True)),
            "p_matching": float(matching_share(of_both_NK).mean()),
            "mass": float(of_both_NK.exp().sum(1).mean()),
            "n": len(choices),
            "n_groups": len(set(groups)),
            "n_evaluations": evaluations.get(name, 0),
        }


def _strengths(
    given: Given, condition: SearchedSteering, directions: Sequence[LayerDirection]
) -> Iterator[dict[str, Any]]:
    stream_norms = {direction.layer: direction.stream_norm for direction in directions}
    most = given.settings.most_strength
    for layer, strength, vector_D in zip(
        condition.blocks.layers, condition.found.strength_L, condition.blocks.vectors_LD, strict=True
    ):
        yield {
            "condition": condition.name,
            "layer": layer,
            "strength": strength,
            "added_norm": abs(strength) * float(vector_D.norm()),
            "stream_norm": stream_norms[layer],
            "is_at_bound": abs(strength) > most * (1 - 1e-6),
            "selecting_log_p_matching": condition.found.value,
        }


def _check(given: Given) -> None:
    if not given.host.is_causal:
        raise ValueError(f"{given.host.architecture} is an encoder and answers nothing: take a causal language model")
    prompts = _prompts(given)
    kinds_of(prompts, [given.settings.vector])
    _halves(prompts.choices)
    if len(layers_of(given.host, given.settings.layers)) < 2:
        raise ValueError("the model has one block, and several are steered together: ask `steering_vector`")


def _passes(given: Given) -> PassCount:
    """At most, but for steps of a search that look twice."""
    prompts = _prompts(given)
    selecting, reporting = _halves(prompts.choices)
    n_layers, n_conditions = len(layers_of(given.host, given.settings.layers)), 3
    searches = (n_layers + n_conditions) * 2 * (given.settings.iterations + 1) * len(selecting)
    read = len(prompts.positive) + len(prompts.negative) + (n_conditions + 2) * (len(selecting) + len(reporting))
    return PassCount(forward=read + searches, backward=searches)


METHOD = ExperimentMethod(settings=LayeredSteeringSettings, measure=_measure, passes=_passes, check=_check)
