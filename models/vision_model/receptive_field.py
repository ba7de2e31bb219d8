"""The part of the image that one position of a site reads: as boxes of pixels of what the model sees.

A patch of a transformer is shown as the patch that it begins with, for attention reads everywhere. A position of a
convolutional map is shown with what moves it: the smallest box round its centre that holds most of the gradient's
energy (the effective receptive field, Luo et al. 2016, arXiv:1701.04128), beside the box of all that moves it at all.

B images, P positions, D channels, H rows, W columns of pixels.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from models.language_model.sites import Site
from models.vision_model.token_grid import TokenGrid

if TYPE_CHECKING:
    from models.vision_model.vision_model import VisionModel

HELD = 0.95
"""Share of the gradient's energy that the effective field holds."""
_IMAGES = 4


@dataclass(frozen=True, slots=True)
class ReceptiveField:
    """The box of each position of a grid, in pixels of the model's input."""

    height: int
    width: int
    """Of the input."""
    box_height: int
    box_width: int
    """Of one position's box before the image's edge cuts it."""
    whole_height: int
    whole_width: int
    """Of all that moves a position in the middle."""

    def box(self, grid: TokenGrid, position: int) -> tuple[int, int, int, int]:
        """x0, y0, x1, y1 of a position, the last two beyond it; the whole image for a leading token."""
        place = grid.place(position)
        if place is None:
            return 0, 0, self.width, self.height
        (row, col), (h, w) = place, (self.box_height, self.box_width)
        y, x = (row + 0.5) * self.height / grid.rows, (col + 0.5) * self.width / grid.cols
        y0, x0 = round(y - h / 2), round(x - w / 2)
        return max(x0, 0), max(y0, 0), min(x0 + w, self.width), min(y0 + h, self.height)

    def facts(self) -> dict[str, int]:
        """As a manifest records it; `of_facts` reads it back."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    @classmethod
    def of_facts(cls, facts: dict[str, Any]) -> "ReceptiveField":
        return cls(**{name: int(facts[name]) for name in cls.__dataclass_fields__})


def receptive_field(host: "VisionModel", site: Site) -> ReceptiveField:
    """The box of a site's positions: one patch of a transformer, or the gradient's of a map's middle position."""
    grid, (height, width) = host.grid(site), (host.preprocessing.height, host.preprocessing.width)
    if host.vision_map.family.layout == "tokens":
        patch = -(-height // grid.rows), -(-width // grid.cols)
        return ReceptiveField(height, width, *patch, height, width)
    energy_HW, row, col = _gradient_energy(host, site)
    y, x = (row + 0.5) * height / grid.rows, (col + 0.5) * width / grid.cols
    moved = (energy_HW > 0).nonzero()
    spans = moved.max(dim=0).values - moved.min(dim=0).values + 1
    whole = [int(span) for span in spans]
    box = [min(_box_side(energy_HW.sum(dim=1), y), whole[0]), min(_box_side(energy_HW.sum(dim=0), x), whole[1])]
    return ReceptiveField(height, width, *box, *whole)


def _gradient_energy(host: "VisionModel", site: Site) -> tuple[Tensor, int, int]:
    """Squared gradient of the middle position by pixel, over images of noise, with its row and column."""
    grid, shape = host.grid(site), (_IMAGES, host.preprocessing.height, host.preprocessing.width, 3)
    row, col = grid.rows // 2, grid.cols // 2
    views = torch.randint(0, 256, shape, generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    pixels = host.preprocessing.normalised(views).to(host.device, host.dtype).requires_grad_()
    with torch.enable_grad(), host.capture([site], detach=False) as found:
        host.forward(pixels)
        middle_BD = found[site][:, grid.position(row, col)]
        signs_BD = torch.randint(0, 2, middle_BD.shape, generator=torch.Generator().manual_seed(1)) * 2 - 1
        (gradient,) = torch.autograd.grad((middle_BD * signs_BD.to(middle_BD)).sum(), pixels)
    return gradient.double().square().sum(dim=(0, 1)).cpu(), row, col


def _box_side(energy_N: Tensor, centre: float) -> int:
    """The width of the smallest interval round the centre that holds the share of the energy."""
    total = float(energy_N.sum())
    if total == 0:
        return len(energy_N)
    distance_N = (torch.arange(len(energy_N)) + 0.5 - centre).abs()
    order = distance_N.argsort()
    reached = int((energy_N[order].cumsum(0) < HELD * total).sum())
    return min(2 * int(distance_N[order[min(reached, len(order) - 1)]].ceil()), len(energy_N))
