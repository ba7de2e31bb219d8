"""Which features a swap experiment swaps: those that the card names or the prompts choose, and random ones beside.

F features.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from models.experiments.feature_dictionary import InvalidFeature
from models.experiments.method import ExperimentInput
from models.experiments.settings.feature_swap import FeatureSwapSettings
from models.interventions.feature_swap import FeatureSwap, text_codes

Given = ExperimentInput[FeatureSwapSettings]
Pair = tuple[int, int]
"""Feature off and feature on."""


@dataclass(frozen=True, slots=True)
class SwapCondition:
    """What stands in one row: a pair at one strength, or the random pairs in its place."""

    pair: Pair
    name: str
    strength: float
    swaps: Sequence[FeatureSwap]


def swap_conditions(given: Given) -> list[SwapCondition]:
    """Every pair at every strength, each followed by its baseline."""
    pairs = list(dict.fromkeys(given.settings.pairs)) or [_chosen_pair(given)]
    return [condition for pair in pairs for condition in _conditions(given, pair)]


def _conditions(given: Given, pair: Pair) -> Iterator[SwapCondition]:
    others = _random_pairs(given, pair)
    for strength in dict.fromkeys(given.settings.strengths):
        value = strength * float(given.features.max_activation_F[pair[1]])
        for name, swapped in (("pair", [pair]), ("random_pairs", others)):
            if swapped:
                yield SwapCondition(
                    pair, name, strength, [FeatureSwap(off, on, value, where=pair[0]) for off, on in swapped]
                )


def _chosen_pair(given: Given) -> Pair:
    """The live feature whose activation falls most from clean to corrupt, and the one whose activation rises most."""
    change_F = np.zeros(given.features.n_features)
    for prompt in given.prompts:
        assert prompt.corrupt_ids is not None, "every row of a set of pairs is one"
        for ids, sign in ((prompt.corrupt_ids, 1), (prompt.token_ids, -1)):
            codes_PF, _ = text_codes(given.host, given.features.sae, given.features.site, ids, prompt.n_special)
            change_F += sign * codes_PF.double().sum(0).cpu().numpy() / len(given.prompts)
    change_F[given.features.max_activation_F <= 0] = 0
    off, on = int(change_F.argmin()), int(change_F.argmax())
    if not change_F[off] < 0 < change_F[on]:
        raise InvalidFeature(
            f"no live feature of {given.features.recipe_id} fires "
            f"{'less' if change_F[off] >= 0 else 'more'} on the corrupt prompts than on the clean ones: name `pairs`, "
            "or a recipe that reads another site"
        )
    return off, on


def _random_pairs(given: Given, pair: Pair) -> list[Pair]:
    """Pairs without repetition; fewer where the dictionary has fewer live features of like density."""
    drawn = np.random.default_rng([given.seed, *pair])
    offs, ons = (given.features.of_like_density(feature, besides=pair) for feature in pair)
    pairs = [(int(off), int(on)) for off in offs for on in ons if off != on]
    return [pairs[at] for at in drawn.permutation(len(pairs))[: given.settings.random_pairs]]
