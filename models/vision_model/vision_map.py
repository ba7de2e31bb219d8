"""The map of one vision model: its blocks in order, and the module and side of each site, by the family that fits."""

from dataclasses import dataclass
from fnmatch import fnmatchcase
from operator import attrgetter
from typing import Any

from torch import Tensor, nn

from models.language_model.module_map import HookPoint, UnknownArchitecture
from models.language_model.sites import OUTSIDE, Site
from models.vision_model.vision_families import IN, OUT, VISION_FAMILIES, VisionFamily


@dataclass(frozen=True, slots=True)
class VisionMap:
    """A family's names found in a model."""

    name: str
    """Class of the model."""
    family: VisionFamily
    base: nn.Module
    blocks: tuple[nn.Module, ...]
    stages: tuple[int, ...]
    """The stage of each block, counted from 0."""

    @classmethod
    def of(cls, model: nn.Module) -> "VisionMap":
        """The map of a model by the first family whose names fit.

        Raises:
            UnknownArchitecture: If none does.
        """
        for family in VISION_FAMILIES:
            for base in (getattr(model, "base_model", model), model):
                if (fitting := _fit(family, base)) is not None:
                    return cls(type(model).__name__, family, base, *fitting)
        names = ", ".join(family.name for family in VISION_FAMILIES)
        raise UnknownArchitecture(
            f"{type(model).__name__} has the parts of no family of vision models: known are {names}. Describe it by a "
            "row of VISION_FAMILIES in models/vision_model/vision_families.py, or name another model in the card"
        )

    @property
    def n_leading(self) -> tuple[int, int]:
        """CLS tokens and register tokens of the sequence."""
        cls_token, registers = (part(self.base, path) for path in (self.family.cls, self.family.registers))
        n_registers = registers.shape[-2] if isinstance(registers, Tensor) else 0
        return int(isinstance(cls_token, Tensor)), n_registers

    @property
    def sites(self) -> list[Site]:
        """`embed`, then those of every block in its order."""
        kinds = ("resid_pre", *self.family.points, "resid_post")
        return [Site("embed")] + [Site(kind, layer) for layer in range(len(self.blocks)) for kind in kinds]

    @property
    def final_norm(self) -> nn.Module:
        """What follows the last block, position by position; it changes nothing where nothing follows."""
        norm = part(self.base, self.family.final_norm)
        return norm if isinstance(norm, nn.Module) else nn.Identity()

    def at(self, site: Site) -> tuple[nn.Module, HookPoint]:
        """Module and side of a site.

        Raises:
            ValueError: If the family has no such site.
        """
        known = {"resid_pre": IN, "resid_post": OUT} | dict(self.family.points)
        if site.kind == "embed":
            embed = part(self.base, self.family.embed)
            assert isinstance(embed, nn.Module)
            return embed, OUT
        if site.kind in OUTSIDE or site.kind not in known:
            raise ValueError(
                f"{self.name} ({self.family.name}) has no site {site}: its blocks have "
                f"{', '.join(known)}, and there is embed"
            )
        block = self.blocks[site.resolve(len(self.blocks)).layer or 0]
        point = known[site.kind]
        return block.get_submodule(point.path), point

    def stage(self, site: Site) -> int:
        return 0 if site.layer is None else self.stages[site.layer]


def part(base: nn.Module, path: str | None) -> Any:
    """The module or parameter at a path; None where there is none, or no path."""
    if path is None:
        return None
    try:
        return attrgetter(path)(base)
    except AttributeError:
        return None


def _fit(family: VisionFamily, base: nn.Module) -> tuple[tuple[nn.Module, ...], tuple[int, ...]] | None:
    """The blocks and their stages, where the model has all parts of the family."""
    expanded = _expanded(base, family.blocks)
    points = [point.path for point in family.points.values()]
    parts = [part(base, family.embed), *(part(block, path) for block, _ in expanded for path in points)]
    if not expanded or not all(isinstance(module, nn.Module) for module in parts):
        return None
    return tuple(block for block, _ in expanded), tuple(place[0] if len(place) > 1 else 0 for _, place in expanded)


def _expanded(base: nn.Module, pattern: str) -> list[tuple[nn.Module, tuple[int, ...]]]:
    """The modules that a path names, each with its place among the children that every pattern of the path matches."""
    named: list[tuple[nn.Module, tuple[int, ...]]] = [(base, ())]
    for component in pattern.split("."):
        several = component != component.strip("*[]") or "[" in component
        named = [
            (child, (*place, number) if several else place)
            for module, place in named
            for number, child in enumerate(c for name, c in module.named_children() if fnmatchcase(name, component))
        ]
    return named
