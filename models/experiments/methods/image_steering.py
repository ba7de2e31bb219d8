"""Steering of a vision model that classifies, by its units."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from models.experiments.image_passes import class_logits, image_maps
from models.experiments.method import PassCount, Rows
from models.experiments.settings.image_steering import ImageSteeringSettings
from models.experiments.vision_image import VisionImage
from models.experiments.vision_method import VisionInput, VisionMethod
from models.experiments.vision_units import VisionUnits
from models.interventions.unit_edits import UnitEdit
from models.numerics.bootstrap import grouped_interval

Given = VisionInput[ImageSteeringSettings]


@dataclass(frozen=True, slots=True)
class _Condition:
    """What one unit is compared with at one strength: itself, random units or random directions."""

    name: str
    strength: float
    logit_NK: Tensor
    """Mean over its edits, of the logits less their log-sum: log probabilities."""
    n_edits: int


def _measure(given: Given, images: Sequence[VisionImage]) -> Rows:
    units = _units(given)
    plain_NK = class_logits(given.host, images, units.site).log_softmax(-1)
    is_reporting_N = _reporting(images)
    strongest = _Strongest(given, units, images)
    rows = []
    for unit in units.numbers:
        conditions = list(_conditions(given, units, unit, images, strongest))
        promoted = _promoted(conditions, plain_NK, is_reporting_N)
        rows += [
            row
            for condition in conditions
            for row in _rows(given, units, unit, condition, plain_NK, is_reporting_N, promoted, images)
        ]
    return {"image_steering_effect": rows}


def _units(given: Given) -> VisionUnits:
    return VisionUnits.chosen(given.host, given.dictionary, given.settings.site, given.settings.units)


def _reporting(images: Sequence[VisionImage]) -> np.ndarray:
    """Every second group of images; the others choose."""
    groups = list(dict.fromkeys(image.group_name for image in images))
    return np.array([groups.index(image.group_name) % 2 == 1 for image in images])


class _Strongest:
    """The strongest activation of units: of features on the corpus, of channels on the images."""

    def __init__(self, given: Given, units: VisionUnits, images: Sequence[VisionImage]) -> None:
        self.units = units
        map_NCHW = None if units.dictionary is not None else image_maps(given.host, images, units.site)
        self.channel_C = None if map_NCHW is None else map_NCHW.amax((0, 2, 3))

    def of(self, number: int) -> float:
        on_corpus = self.units.strongest_on_corpus(number)
        if on_corpus is not None:
            return on_corpus
        assert self.channel_C is not None
        return float(self.channel_C[number])


def _conditions(
    given: Given, units: VisionUnits, unit: int, images: Sequence[VisionImage], strongest: _Strongest
) -> Iterator[_Condition]:
    settings = given.settings
    others = _random_units(given, units, unit)
    strengths = [0.0] if settings.kind == "ablate" else list(dict.fromkeys(settings.strengths))
    for strength in strengths:
        edits = {
            "unit": [_edit(given, units, unit, strength, strongest)],
            "random_units": [_edit(given, units, other, strength, strongest) for other in others],
            "random_directions": [
                _turned(edit, number, given.seed)
                for edit in [_edit(given, units, unit, strength, strongest)]
                for number in range(settings.random_directions)
            ],
        }
        for name, some in edits.items():
            if some:
                found = [class_logits(given.host, images, units.site, edit).log_softmax(-1) for edit in some]
                yield _Condition(name, strength, torch.stack(found).mean(0), len(some))


def _edit(given: Given, units: VisionUnits, unit: int, strength: float, strongest: _Strongest) -> UnitEdit:
    alone = VisionUnits(units.host, units.site, units.dictionary, [unit])
    value = strength if given.settings.kind == "scale" else strength * strongest.of(unit)
    return UnitEdit(lambda map_NCHW: alone.of_map(map_NCHW)[:, 0], units.direction(unit), given.settings.kind, value)


def _turned(edit: UnitEdit, number: int, seed: int) -> UnitEdit:
    """The same edit along a random direction of the same length."""
    chance = torch.Generator().manual_seed(seed + 1 + number)
    drawn_C = torch.randn(len(edit.direction_C), generator=chance)
    along_C = drawn_C / drawn_C.norm() * edit.direction_C.cpu().norm()
    return UnitEdit(edit.activation, along_C, edit.kind, edit.value)


def _random_units(given: Given, units: VisionUnits, unit: int) -> list[int]:
    """Other units: of a dictionary those of like density."""
    drawn = np.random.default_rng([given.seed, unit])
    if units.dictionary is not None:
        others = units.dictionary.of_like_density(unit, besides=[unit])
    else:
        others = np.setdiff1d(np.arange(given.host.width(units.site)), [unit])
    return [int(each) for each in drawn.permutation(others)[: given.settings.random_units]]


def _promoted(conditions: Sequence[_Condition], plain_NK: Tensor, is_reporting_N: np.ndarray) -> int:
    """The class whose log probability the unit raises most at its largest strength, on the images that choose."""
    own = [condition for condition in conditions if condition.name == "unit"]
    strongest = max(own, key=lambda condition: condition.strength)
    choosing_N = torch.from_numpy(~is_reporting_N)
    return int((strongest.logit_NK - plain_NK)[choosing_N].mean(0).argmax())


def _rows(
    given: Given,
    units: VisionUnits,
    unit: int,
    condition: _Condition,
    plain_NK: Tensor,
    is_reporting_N: np.ndarray,
    promoted: int,
    images: Sequence[VisionImage],
) -> Iterator[dict[str, Any]]:
    names = given.host.class_names or []
    groups = [image.group_name for image, reports in zip(images, is_reporting_N, strict=True) if reports]
    reporting_N = torch.from_numpy(is_reporting_N)
    changed_NK, plain_NK = condition.logit_NK[reporting_N], plain_NK[reporting_N]
    for number in dict.fromkeys([promoted, *_named_classes(given)]):
        change_N = (changed_NK[:, number] - plain_NK[:, number]).numpy()
        low, high = grouped_interval(groups, change_N, given.seed)
        yield units.columns(unit) | {
            "condition": condition.name,
            "kind": given.settings.kind,
            "strength": condition.strength,
            "class_id": number,
            "class_name": names[number],
            "is_promoted": number == promoted,
            "probability": float(changed_NK[:, number].exp().mean()),
            "plain_probability": float(plain_NK[:, number].exp().mean()),
            "log_probability_change": float(change_N.mean()),
            "ci_low": low,
            "ci_high": high,
            "likeliest_share": float((changed_NK.argmax(-1) == number).double().mean()),
            "plain_likeliest_share": float((plain_NK.argmax(-1) == number).double().mean()),
            "n_edits": condition.n_edits,
            "n_images": len(groups),
        }


def _named_classes(given: Given) -> list[int]:
    names = given.host.class_names or []
    found = []
    for name in given.settings.classes:
        if not (name.isdecimal() and int(name) < len(names)) and name not in names:
            raise ValueError(f"the model has no class {name!r}; it has {', '.join(names[:10])} and others: name one")
        found.append(int(name) if name.isdecimal() else names.index(name))
    return found


def _passes(given: Given) -> PassCount:
    settings = given.settings
    n_strengths = 1 if settings.kind == "ablate" else len(set(settings.strengths))
    edits = len(settings.units) * n_strengths * (1 + settings.random_units + settings.random_directions)
    return PassCount(len(given.images) * (1 + edits + (given.dictionary is None)))


def _check(given: Given) -> None:
    if given.host.class_names is None:
        raise ValueError(f"{given.host.architecture} does not classify: steering asks a model with classes")
    if not given.settings.units:
        raise ValueError("`units` is empty: name channels of the site or features of the dictionary")
    if given.dictionary is not None and given.dictionary.sae.crosses:
        raise ValueError(f"{given.dictionary.recipe_id} writes another site than it reads: name an autoencoder")
    if not _reporting(given.images).any():
        raise ValueError(
            "one group of images was given, wanted two: one chooses the promoted class, the other reports it"
        )
    _units(given)
    _named_classes(given)


METHOD = VisionMethod(
    settings=ImageSteeringSettings,
    items=lambda given: given.images,
    measure=_measure,
    passes=_passes,
    check=_check,
)
