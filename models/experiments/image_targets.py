"""What optimised images are made for: units of a vision model, or directions of its channels."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from models.experiments.settings.optimised_images import OptimisedImagesSettings
from models.experiments.vision_method import VisionInput
from models.experiments.vision_units import VisionUnits
from models.optimised_images.objectives import (
    ChannelObjective,
    DirectionObjective,
    Diversity,
    LatentObjective,
    NeuronObjective,
    Objective,
)
from models.vision_model.patch_map import PatchMap

Given = VisionInput[OptimisedImagesSettings]


@dataclass(frozen=True, slots=True)
class UnitTarget:
    """One channel, or one feature of a dictionary."""

    units: VisionUnits
    number: int

    @property
    def columns(self) -> dict[str, Any]:
        strongest = self.units.strongest_on_corpus(self.number)
        return self.units.columns(self.number) | {"max_activation": strongest}

    def objective(self, settings: OptimisedImagesSettings) -> tuple[str, Objective]:
        """What is made large, and its name."""
        in_the_middle = settings.place == "middle"
        if self.units.dictionary is not None:
            latent = LatentObjective.of(self.units.dictionary.sae, self.number, in_the_middle=in_the_middle)
            return "latent_in_the_middle" if in_the_middle else "latent", latent
        if in_the_middle:
            return "neuron", NeuronObjective(self.number)
        return "channel" if settings.power == 1 else "channel_squared", ChannelObjective(self.number, settings.power)

    def strongest(self, image_NCHW: Tensor) -> Tensor:
        """How active the unit is at each image's strongest place, after the dictionary's own choice, (N,)."""
        return self.units(image_NCHW)[:, list(self.units.numbers).index(self.number)].amax((-2, -1))


@dataclass(frozen=True, slots=True)
class DirectionTarget:
    """A weighted sum of channels."""

    units: VisionUnits
    name: str
    direction_C: Tensor

    @property
    def columns(self) -> dict[str, Any]:
        return {"site": str(self.units.site), "direction": self.name}

    def objective(self, settings: OptimisedImagesSettings) -> tuple[str, Objective]:
        """What is made large, and its name."""
        return "direction", DirectionObjective(self.direction_C, settings.cosine_power)

    def strongest(self, image_NCHW: Tensor) -> Tensor:
        """The product at each image's strongest place, (N,)."""
        map_NCHW = PatchMap(self.units.host, self.units.site)(image_NCHW)
        return torch.einsum("nchw,c->nhw", map_NCHW, self.direction_C.to(map_NCHW)).amax((-2, -1))


ImageTarget = UnitTarget | DirectionTarget


def image_targets(given: Given) -> Sequence[ImageTarget]:
    """Everything that the settings name.

    Raises:
        ValueError: If a unit or a channel is not there, or nothing is named.
    """
    settings = given.settings
    if not settings.units and not settings.directions:
        raise ValueError("neither `units` nor `directions` are named: say what images are to be made for")
    if settings.directions and given.dictionary is not None:
        raise ValueError("directions are weights of channels: name a `site` in the place of `recipe`")
    units = VisionUnits.chosen(given.host, given.dictionary, settings.site, settings.units)
    width = given.host.width(units.site)
    found: list[ImageTarget] = [UnitTarget(units, number) for number in settings.units]
    for name, weights in settings.directions.items():
        if beyond := [key for key in weights if int(key) >= width]:
            raise ValueError(f"{units.site} has channels 0 to {width - 1}, and {name} weighs {beyond[0]}: correct it")
        direction_C = torch.zeros(width)
        direction_C[[int(key) for key in weights]] = torch.tensor(list(weights.values()))
        found.append(DirectionTarget(units, name, direction_C))
    return found


def objective_of(target: ImageTarget, settings: OptimisedImagesSettings) -> tuple[str, Objective]:
    """What is made large for a target, and its name."""
    name, objective = target.objective(settings)
    return name, Diversity(objective, settings.diversity) if settings.diversity else objective
