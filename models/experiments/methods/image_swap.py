"""Feature swaps in images that a vision model classifies."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from models.experiments.feature_dictionary import FeatureDictionary, InvalidFeature
from models.experiments.image_passes import class_logits, image_maps
from models.experiments.method import PassCount, Rows
from models.experiments.settings.image_swap import ImageSwapSettings
from models.experiments.vision_image import VisionImage
from models.experiments.vision_method import VisionInput, VisionMethod
from models.experiments.vision_units import VisionUnits
from models.interventions.feature_swap import FeatureSwap
from models.interventions.map_swap import MapSwap
from models.numerics.bootstrap import grouped_interval

Given = VisionInput[ImageSwapSettings]
Pair = tuple[int, int]
UNITS = {
    "answer_probability": "fraction",
    "foil_probability": "fraction",
    "logit_difference": "logit",
    "foil_is_likeliest": "fraction",
}


def _measure(given: Given, images: Sequence[VisionImage]) -> Rows:
    pairs, reported = _pairs(given, images)
    units = _units(given)
    plain_NM = _measures(reported, class_logits(given.host, reported, units.site))
    map_NCHW = image_maps(given.host, reported, units.site)
    rows = []
    for pair in pairs:
        is_on_N = (_activations(units)(map_NCHW, [pair[0]]) > 0).any((1, 2, 3)).numpy()
        for name, strength, swaps in _conditions(given, pair):
            swapped_NM = np.mean([_measures(reported, _swapped(given, reported, swap)) for swap in swaps], axis=0)
            rows += _rows(given, pair, (name, strength, len(swaps)), plain_NM, swapped_NM, is_on_N, reported)
    return {"feature_swap_effect": rows}


def _dictionary(given: Given) -> FeatureDictionary:
    assert given.dictionary is not None, "the card names a recipe where the settings class requires it"
    return given.dictionary


def _units(given: Given) -> VisionUnits:
    return VisionUnits.chosen(given.host, given.dictionary, "", [])


def _activations(units: VisionUnits) -> Any:
    def of(map_NCHW: Tensor, features: list[int]) -> Tensor:
        return VisionUnits(units.host, units.site, units.dictionary, features).of_map(map_NCHW)

    return of


def _pairs(given: Given, images: Sequence[VisionImage]) -> tuple[list[Pair], Sequence[VisionImage]]:
    """The pairs that are swapped, and the images that are reported: of a pair that images choose, the others."""
    if given.settings.pairs:
        return list(dict.fromkeys(given.settings.pairs)), images
    groups = list(dict.fromkeys(image.group_name for image in images))
    choosing = [image for image in images if groups.index(image.group_name) % 2 == 0]
    reported = [image for image in images if groups.index(image.group_name) % 2 == 1]
    return [_chosen_pair(given, choosing)], reported


def _chosen_pair(given: Given, images: Sequence[VisionImage]) -> Pair:
    dictionary, units = _dictionary(given), _units(given)
    live = np.flatnonzero(dictionary.max_activation_F > 0)
    of_live = VisionUnits(given.host, units.site, dictionary, live.tolist())
    first_U, second_U = (
        of_live.of_map(image_maps(given.host, images, units.site, other=other)).mean((0, 2, 3)).numpy()
        for other in (False, True)
    )
    change_U = (second_U - first_U) / dictionary.max_activation_F[live]
    off, on = int(live[change_U.argmin()]), int(live[change_U.argmax()])
    if not change_U.min() < 0 < change_U.max():
        raise InvalidFeature(
            f"no live feature of {dictionary.recipe_id} fires {'less' if change_U.min() >= 0 else 'more'} on the "
            "second images than on the first: name `pairs`, or a recipe that reads another site"
        )
    return off, on


def _conditions(given: Given, pair: Pair) -> Iterator[tuple[str, float, list[FeatureSwap]]]:
    dictionary = _dictionary(given)
    drawn = np.random.default_rng([given.seed, *pair])
    offs, ons = (dictionary.of_like_density(feature, besides=pair) for feature in pair)
    every = [(int(off), int(on)) for off in offs for on in ons if off != on]
    others = [every[at] for at in drawn.permutation(len(every))[: given.settings.random_pairs]]
    for strength in dict.fromkeys(given.settings.strengths):
        value = strength * float(dictionary.max_activation_F[pair[1]])
        for name, swapped in (("pair", [pair]), ("random_pairs", others)):
            if swapped:
                yield name, strength, [FeatureSwap(off, on, value, where=pair[0]) for off, on in swapped]


def _swapped(given: Given, images: Sequence[VisionImage], swap: FeatureSwap) -> Tensor:
    units = _units(given)
    edit = MapSwap(_activations(units), _dictionary(given).sae.W_dec.detach(), swap)
    return class_logits(given.host, images, units.site, edit)


def _measures(images: Sequence[VisionImage], logits_NK: Tensor) -> np.ndarray:
    """Those of UNITS, a row for each image."""
    answer_N = torch.tensor([image.answer for image in images])[:, None]
    foil_N = torch.tensor([image.foil for image in images])[:, None]
    probability_NK = logits_NK.softmax(-1)
    columns = (
        probability_NK.gather(1, answer_N),
        probability_NK.gather(1, foil_N),
        logits_NK.gather(1, answer_N) - logits_NK.gather(1, foil_N),
        (logits_NK.argmax(-1, keepdim=True) == foil_N).double(),
    )
    return torch.cat(columns, dim=1).numpy()


def _rows(
    given: Given,
    pair: Pair,
    condition: tuple[str, float, int],
    plain_NM: np.ndarray,
    swapped_NM: np.ndarray,
    is_on_N: np.ndarray,
    images: Sequence[VisionImage],
) -> Iterator[dict[str, Any]]:
    name, strength, n_swaps = condition
    for at, (metric, unit) in enumerate(UNITS.items()):
        effect_N = swapped_NM[:, at] - plain_NM[:, at]
        low, high = grouped_interval([image.group_name for image in images], effect_N, given.seed)
        yield {
            "recipe_id": _dictionary(given).recipe_id,
            "feature_off": pair[0],
            "feature_on": pair[1],
            "condition": name,
            "strength": strength,
            "metric": metric,
            "value": float(swapped_NM[:, at].mean()),
            "unswapped_value": float(plain_NM[:, at].mean()),
            "effect": float(effect_N.mean()),
            "ci_low": low,
            "ci_high": high,
            "unit": unit,
            "n_pairs": n_swaps,
            "firing_share": float(is_on_N.mean()),
            "n_prompts": len(effect_N),
        }


def _passes(given: Given) -> PassCount:
    """Every image plainly and under each swap; of images that choose the pair both."""
    settings, n = given.settings, len(given.images)
    n_swaps = (len(set(settings.pairs)) or 1) * len(set(settings.strengths)) * (1 + settings.random_pairs)
    return PassCount(n * (2 + n_swaps + (0 if settings.pairs else 2)))


def _check(given: Given) -> None:
    dictionary = _dictionary(given)
    if given.host.class_names is None:
        raise ValueError(f"{given.host.architecture} does not classify: swaps ask a model with classes")
    dictionary.require_autoencoder()
    dictionary.check([feature for pair in given.settings.pairs for feature in pair])
    if not given.settings.pairs and len({image.group_name for image in given.images}) < 2:
        raise ValueError("one group of images was given, wanted two: one chooses the pair, the other reports it")


METHOD = VisionMethod(
    settings=ImageSwapSettings, items=lambda given: given.images, measure=_measure, passes=_passes, check=_check
)
