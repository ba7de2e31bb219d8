"""Arcs, lines and corners as drawn stimuli of curve detectors.

Source: Cammarata et al. 2020, "Curve Detectors", distill.pub/2020/circuits/curve-detectors, for the tests; its renderer
is not published, and the rule of drawing is ours.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from torch import Tensor

from models.tuning.stimulus import GREY, centred_places, grey_picture

ArcShape = Literal["arc", "corner", "disc", "line"]
OFF_CENTRE = 0.8
"""How far from the picture's middle the middle of the circle lies, in radii."""


@dataclass(frozen=True, slots=True)
class Arc:
    """An arc that opens away from its direction: the middle of its circle lies at −.8 radius along the direction.

    brightness = background + (foreground − background) · clip(1 − (d − width / 2), 0, 1), d the distance from the arc.
    """

    angle: float
    """From the circle's middle to the arc's, in degrees."""
    radius: float
    """Pixels; infinite for a line."""
    shape: ArcShape = "arc"
    """`corner`: two tangents at the arc's ends in its place. `disc`: the sector within, filled. `line`: straight,
    across the direction, through the picture's middle."""
    opening: float = 75.0
    """Degrees that the arc spans."""
    width: float = 3.0
    """Pixels of the stroke."""
    foreground: float = 1.0
    background: float = GREY
    shift: tuple[float, float] = (0.0, 0.0)
    """Pixels by which all is moved."""

    @property
    def kind(self) -> str:
        return self.shape if self.foreground >= self.background else f"{self.shape}_inverted"

    @property
    def scale(self) -> float:
        return self.radius

    def drawn(self, size: int) -> Tensor:
        """The picture, (3, H, W)."""
        x, y = centred_places(size, self.shift)
        cos, sin = np.cos(np.deg2rad(self.angle)), np.sin(np.deg2rad(self.angle))
        along, across = cos * x + sin * y, -sin * x + cos * y
        outside = self._distance(along, across) - self.width / 2
        inked = np.clip(1 - outside, 0, 1)
        return grey_picture(self.background + (self.foreground - self.background) * inked)

    def _distance(self, along: np.ndarray, across: np.ndarray) -> np.ndarray:
        """Pixels from each place to the stroke, in the frame whose first axis is the direction."""
        if self.shape == "line":
            return np.abs(along)
        along = along + OFF_CENTRE * self.radius
        half = np.deg2rad(self.opening) / 2
        if self.shape == "corner":
            return self._from_corner(along, np.abs(across), half)
        from_middle, off_direction = np.hypot(along, across), np.abs(np.arctan2(across, along))
        off_circle = np.abs(from_middle - self.radius)
        if self.shape == "disc":
            off_circle = np.maximum(from_middle - self.radius, 0)
        beyond = np.maximum(off_direction - half, 0) * from_middle
        return np.hypot(off_circle, beyond)

    def _from_corner(self, along: np.ndarray, across: np.ndarray, half: float) -> np.ndarray:
        """From the tangent at one end of the arc, up to where it meets the other; the two mirror each other."""
        end_along, end_across = self.radius * np.cos(half), self.radius * np.sin(half)
        step_along, step_across = np.sin(half), -np.cos(half)  # towards the corner
        length = self.radius * np.tan(half)
        run = (along - end_along) * step_along + (across - end_across) * step_across
        run = np.clip(run, 0, length)
        return np.hypot(along - end_along - run * step_along, across - end_across - run * step_across)
