"""Random views of an image, so that what is optimised holds where it is moved, scaled and turned a little.

N images, H height, W width of the image, V side of the view.

Lucid pads, jitters, scales, turns and jitters again, cutting the image each time. Here the same draws make one affine
map, and the view is sampled once: one interpolation in the place of four, and one cost whatever is drawn. The view has
a fixed width in pixels of the image, so that scale changes what the model sees also where its input has a fixed size;
in lucid resizing to that size undoes it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional
from torch import Tensor

FILL = 0.5
"""Brightness around the image."""


@dataclass(frozen=True, slots=True)
class RobustTransforms:
    """What is drawn for every image in every step."""

    pad: int = 12
    """Pixels of constant grey on each side."""
    jitter: int = 8
    """Places that the view moves over before scale and rotation, in pixels of the image."""
    scales: tuple[float, ...] = tuple(round(0.9 + 0.02 * step, 2) for step in range(11))
    """By how much the image is enlarged; one is drawn."""
    angles: tuple[float, ...] = (*range(-10, 11), *(0,) * 5)
    """By how many degrees it is turned; one is drawn."""
    final_jitter: int = 4
    """Places that the view moves over after scale and rotation."""

    @property
    def is_identity(self) -> bool:
        moves = self.pad or self.jitter or self.final_jitter
        return not moves and {*self.scales} == {1.0} and {*self.angles} == {0}

    def width(self, size: int) -> int:
        """Pixels of the image that a view at scale 1 spans: what lucid's cuts leave, the padding on both sides less
        what the jitters may move over."""
        return size + 2 * self.pad - self.jitter - self.final_jitter

    def views(self, image_NCHW: Tensor, chances: Sequence[torch.Generator], side: int | None = None) -> Tensor:
        """A view of each image, (N, 3, V, V).

        Args:
            image_NCHW: Images between 0 and 1, square.
            chances: One an image, so that the views of an image do not depend on the others.
            side: Pixels of a view's side; None as many as the view has of the image.
        """
        size = image_NCHW.shape[-1]
        side = self.width(size) if side is None else side
        if self.is_identity and side == size:
            return image_NCHW
        map_N23 = torch.stack([self._drawn_map(size, chance) for chance in chances])
        shape = [len(image_NCHW), image_NCHW.shape[1], side, side]
        grid = torch.nn.functional.affine_grid(map_N23.to(image_NCHW), shape, align_corners=False)
        # what lies outside is zero to grid_sample: the grey is taken off before, and put back behind it
        view = torch.nn.functional.grid_sample(image_NCHW - FILL, grid, padding_mode="zeros", align_corners=False)
        return view + FILL

    def _drawn_map(self, size: int, chance: torch.Generator) -> Tensor:
        """Where in the image each place of the view comes from, in half sides of the image: (2, 3)."""
        first, last = _offset(self.jitter, chance), _offset(self.final_jitter, chance)
        scale, angle = _drawn(self.scales, chance), math.radians(_drawn(self.angles, chance))
        width = self.width(size) / size
        cos, sin = math.cos(angle) / scale, math.sin(angle) / scale
        shift = [first[0] + cos * last[0] - sin * last[1], first[1] + sin * last[0] + cos * last[1]]
        half = size / 2
        return torch.tensor([[cos * width, -sin * width, shift[0] / half], [sin * width, cos * width, shift[1] / half]])


def _offset(places: int, chance: torch.Generator) -> tuple[float, float]:
    """How far from the middle a window moves that has some places to be, in whole pixels."""
    if not places:
        return (0.0, 0.0)
    drawn = torch.randint(places + 1, (2,), generator=chance).tolist()
    return (drawn[0] - places / 2, drawn[1] - places / 2)


def _drawn(choices: Sequence[float], chance: torch.Generator) -> float:
    return float(choices[int(torch.randint(len(choices), (1,), generator=chance))])
