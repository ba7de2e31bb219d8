"""The values of a site as a map of the image: patches of a transformer where they lie, or a convolutional map.

N pictures, C width of the site, H and W places of the map.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.nn.functional
from torch import Tensor

from models.language_model.site_edit import Edit
from models.language_model.sites import Site
from models.vision_model.token_grid import TokenGrid
from models.vision_model.vision_model import VisionModel


@dataclass(frozen=True, slots=True)
class PatchMap:
    """Pictures between 0 and 1 to one site's map (N, C, H, W), with a gradient where the pictures want one.

    Leading tokens (CLS, registers) are left out: they have no place.
    """

    host: VisionModel
    site: Site

    def __call__(self, picture_NCHW: Tensor) -> Tensor:
        with self.host.capture([self.site], detach=False) as found:
            self.host.forward(model_pixels(self.host, picture_NCHW))
        return self.as_map(found[self.site])

    def as_map(self, x_NPC: Tensor) -> Tensor:
        """What is shown position by position, as a map."""
        grid = self.grid_of(x_NPC.shape[1])
        patches_NPC = x_NPC[:, grid.n_leading :]
        return patches_NPC.transpose(1, 2).unflatten(2, (grid.rows, grid.cols))

    def as_positions(self, map_NCHW: Tensor, x_NPC: Tensor) -> Tensor:
        """The map in the place of the patches of `x_NPC`, whose leading tokens stay."""
        n_leading = self.grid_of(x_NPC.shape[1]).n_leading
        return torch.cat([x_NPC[:, :n_leading], map_NCHW.flatten(2).transpose(1, 2)], dim=1)

    @contextmanager
    def edited(self, edit: Edit) -> Iterator[None]:
        """Puts `edit(map)` in the place of the map in every pass within the block."""
        with self.host.intervene({self.site: lambda x_NPC: self.as_positions(edit(self.as_map(x_NPC)), x_NPC)}):
            yield

    def grid_of(self, n_positions: int) -> TokenGrid:
        """The grid of so many positions: a convolutional map of another image is as square as the image."""
        grid = self.host.grid(self.site)
        if grid.n_positions == n_positions:
            return grid
        side = math.isqrt(n_positions)
        return TokenGrid(0, 0, side, side)


def model_pixels(host: VisionModel, picture_NCHW: Tensor) -> Tensor:
    """Pictures between 0 and 1 on the scale that the model reads, as its own preprocessing has it."""
    scale_C11, offset_C11 = (
        each.to(picture_NCHW)[:, None, None] for each in (host.preprocessing.scale_C, host.preprocessing.offset_C)
    )
    return (picture_NCHW * 255 * scale_C11 + offset_C11).to(host.device)


def takes_any_side(host: VisionModel) -> bool:
    """Whether images of another side than the image processor makes go through: those of a convolutional model do."""
    return host.vision_map.family.layout == "map"


def checked_side(host: VisionModel, side: int | None) -> int:
    """The pixels of a side that pictures are drawn with; None is the model's own.

    Raises:
        ValueError: If the model reads images of one size alone.
    """
    own = host.preprocessing.height
    if host.preprocessing.width != own:
        raise ValueError(
            f"{host.architecture} reads images of {own} x {host.preprocessing.width} pixels, and pictures are drawn "
            "square: set one side in its preprocessor_config.json"
        )
    if side is None or side == own:
        return own
    if not takes_any_side(host):
        raise ValueError(
            f"{host.architecture} reads images of {own} x {own} pixels, and pictures of {side} were asked for: leave "
            "the size out"
        )
    return side


@dataclass(frozen=True, slots=True)
class MapPair:
    """Two sites of one model as maps, the target behind the source: how what stands at the one changes the other."""

    host: VisionModel
    source: Site
    target: Site

    def read(self, picture_NCHW: Tensor) -> tuple[Tensor, Tensor]:
        """Maps of source and target, the second with a gradient with regard to the first."""
        found = list[Tensor]()

        def keep(map_NCHW: Tensor) -> Tensor:
            found.append(map_NCHW.detach().requires_grad_())
            return found[-1]

        with torch.enable_grad(), PatchMap(self.host, self.source).edited(keep):
            target_NUHW = PatchMap(self.host, self.target)(picture_NCHW)
        return found[0], target_NUHW

    def edited(self, picture_NCHW: Tensor, edit: Edit) -> Tensor:
        """The target's map, with `edit(map)` in the place of the source's."""
        with PatchMap(self.host, self.source).edited(edit):
            return PatchMap(self.host, self.target)(picture_NCHW)
