"""Drawn stimuli of one kind at all angles and sizes, each several times a little otherwise.

A angles, P sizes, R replicates.

Replicates of a stroke differ in its place, by up to two pixels, and in its width; those of a grating in its phase;
those of noise in the noise. What holds over them does not hang on one place of a grid.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from models.tuning.arc_stimulus import Arc, ArcShape
from models.tuning.stimulus import GREY, Stimulus
from models.tuning.texture_stimulus import HIGH_BAND, LOW_BAND, Grating, HighLowBorder, Noise

StimulusKind = Literal["arc", "arc_inverted", "corner", "disc", "line", "line_inverted", "grating", "high_low", "noise"]
KINDS: tuple[StimulusKind, ...] = get_args(StimulusKind)
ORIENTATIONS = ("line", "line_inverted", "grating")
"""Kinds that are the same again after half a turn."""
SHIFT = 2.0
WIDTHS = (2.0, 4.0)
"""Pixels between which a stroke's width is drawn."""
BANDS = ((0.0, 0.5), HIGH_BAND, LOW_BAND)
"""Of noise: all frequencies, the fine ones and the coarse ones."""


@dataclass(frozen=True, slots=True)
class StimulusGrid:
    """What is drawn of each kind."""

    directions: int = 24
    """Angles of a whole turn; kinds with orientations have half as many in half a turn."""
    radii: Sequence[float] = (12.0, 18.0, 26.0)
    wavelengths: Sequence[float] = (4.0, 6.0, 8.0, 12.0, 16.0)
    replicates: int = 6
    seed: int = 0


@dataclass(frozen=True, slots=True)
class StimulusSet:
    """The stimuli of one kind."""

    kind: StimulusKind
    angle_A: np.ndarray
    size_P: np.ndarray
    period: float
    stimuli: Sequence[Stimulus]
    """A x P x R of them, the replicates of one after each other."""

    @classmethod
    def of(cls, kind: StimulusKind, grid: StimulusGrid) -> "StimulusSet":
        """All of a kind."""
        period = 180.0 if kind in ORIENTATIONS else 360.0
        n_angles = 1 if kind == "noise" else grid.directions // (2 if kind in ORIENTATIONS else 1)
        angle_A, size_P = np.arange(n_angles) * period / n_angles, _sizes(kind, grid)
        draw = _drawer(kind, grid)
        stimuli = [
            draw(float(angle), float(size), replicate)
            for angle in angle_A
            for size in size_P
            for replicate in range(grid.replicates)
        ]
        return cls(kind, angle_A, size_P, period, stimuli)

    @property
    def shape(self) -> tuple[int, int, int]:
        """A, P and R."""
        n_angles, n_sizes = len(self.angle_A), len(self.size_P)
        return n_angles, n_sizes, len(self.stimuli) // (n_angles * n_sizes)


def _sizes(kind: StimulusKind, grid: StimulusGrid) -> np.ndarray:
    if kind in ("line", "line_inverted"):
        return np.array([np.inf])
    if kind == "grating":
        return np.array(grid.wavelengths)
    if kind == "high_low":
        return np.array([1 / np.mean(HIGH_BAND)])
    if kind == "noise":
        return np.arange(len(BANDS)).astype(float)
    return np.array(grid.radii)


def _drawer(kind: StimulusKind, grid: StimulusGrid) -> Callable[[float, float, int], Stimulus]:
    """What draws one stimulus, given angle, size and the number of the replicate."""
    if kind == "grating":
        return lambda angle, size, number: Grating(angle, size, 360 * number / grid.replicates)
    if kind == "high_low":
        return lambda angle, size, number: HighLowBorder(angle, grid.seed + number)
    if kind == "noise":
        return lambda angle, size, number: Noise(BANDS[int(size)], grid.seed + number)
    shape: ArcShape = "line" if kind.startswith("line") else "arc" if kind.startswith("arc") else _closed(kind)
    ink = 0.0 if kind.endswith("inverted") else 1.0
    strokes = _strokes(grid)

    def draw(angle: float, size: float, number: int) -> Arc:
        width, shift = strokes[number]
        return Arc(angle, size, shape, width=width, foreground=ink, background=GREY, shift=shift)

    return draw


def _closed(kind: StimulusKind) -> ArcShape:
    return "disc" if kind == "disc" else "corner"


def _strokes(grid: StimulusGrid) -> list[tuple[float, tuple[float, float]]]:
    """Width and place of each replicate, the first in the middle and three pixels wide; all kinds have the same."""
    chance = np.random.default_rng(grid.seed)
    drawn = [
        (float(chance.uniform(*WIDTHS)), (float(chance.uniform(-SHIFT, SHIFT)), float(chance.uniform(-SHIFT, SHIFT))))
        for _ in range(grid.replicates)
    ]
    return [(3.0, (0.0, 0.0)), *drawn[1:]]
