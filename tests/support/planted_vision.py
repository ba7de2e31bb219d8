"""Small vision nets whose units are known: Gabor filters, and units that respond to arcs of one direction each.

O orientations, U units, K side of a kernel.
"""

import numpy as np
import torch
import torch.nn.functional
from torch import Tensor, nn

WAVELENGTH = 6.0
RADIUS = 16.0
REACH = 4
DIRECTIONS = tuple(range(0, 360, 45))
"""Of the units: from the middle of the arc's circle to the middle of the arc, in degrees."""
ORIENTATIONS = tuple(np.arange(16) * 180 / 16)
"""Of the Gabor filters: the direction across their stripes, in degrees."""


def gabor(orientation: float, phase: float, side: int = 11, wavelength: float = WAVELENGTH) -> Tensor:
    """A filter without a response to what is even, of norm 1: (K, K)."""
    half, angle = side // 2, np.deg2rad(orientation)
    y, x = np.mgrid[-half : half + 1, -half : half + 1].astype(float)
    envelope = np.exp(-(x**2 + y**2) / (2 * (side / 4.5) ** 2))
    wave = envelope * np.cos(2 * np.pi * (np.cos(angle) * x + np.sin(angle) * y) / wavelength + phase)
    wave -= envelope * wave.sum() / envelope.sum()
    return torch.tensor(wave / np.linalg.norm(wave), dtype=torch.float32)


class GaborNet(nn.Module):
    """Brightness through linear filters of some orientations."""

    def __init__(self, orientations: tuple[float, ...], side: int = 11) -> None:
        super().__init__()
        filters = torch.stack([gabor(each, 0.0, side) for each in orientations])
        self.filters = nn.Buffer(filters[:, None])

    def forward(self, image_NCHW: Tensor) -> Tensor:
        return torch.nn.functional.conv2d(image_NCHW.mean(1, keepdim=True), self.filters)


class CurveNet(nn.Module):
    """Orientation energy of Gabor filters, and behind it units that read, along an arc of radius 16, the orientation
    that the arc has there, less 1.2 times the mean of all orientations."""

    def __init__(self) -> None:
        super().__init__()
        pairs = [gabor(each, phase) for each in ORIENTATIONS for phase in (0.0, np.pi / 2)]
        self.filters = nn.Buffer(torch.stack(pairs)[:, None])
        self.energy = nn.Identity()
        """Its output is the energy of each orientation."""
        self.units = nn.Conv2d(len(ORIENTATIONS), len(DIRECTIONS), 37, bias=False)
        self.units.weight.data = torch.stack([arc_kernel(each) for each in DIRECTIONS])
        self.requires_grad_(False)

    def forward(self, image_NCHW: Tensor) -> Tensor:
        """The units before any nonlinearity, (N, U, H, W); zero beyond four pixels of the middle, which costs
        little."""
        grey_N1HW = image_NCHW.mean(1, keepdim=True)
        pairs = torch.nn.functional.conv2d(grey_N1HW, self.filters, padding=5)
        squares = pairs.square().unflatten(1, (len(ORIENTATIONS), 2)).sum(2)
        energy_NOHW = self.energy((squares + 1e-6).sqrt())
        height, width = energy_NOHW.shape[-2:]
        top, left = height // 2 - REACH, width // 2 - REACH
        near = energy_NOHW[..., top - 18 : top + 2 * REACH + 19, left - 18 : left + 2 * REACH + 19]
        beyond = (left, width - left - 2 * REACH - 1, top, height - top - 2 * REACH - 1)
        return torch.nn.functional.pad(self.units(near), beyond)


def arc_kernel(direction: float, radius: float = RADIUS, opening: float = 75.0, side: int = 37) -> Tensor:
    """Weights of a unit: at each place of the arc, the orientation across it: (O, K, K)."""
    half, middle = side // 2, np.deg2rad(direction)
    y, x = np.mgrid[-half : half + 1, -half : half + 1].astype(float)
    from_x, from_y = x + 0.8 * radius * np.cos(middle), y + 0.8 * radius * np.sin(middle)
    distance, angle = np.hypot(from_x, from_y), np.arctan2(from_y, from_x)
    off_middle = np.abs(np.angle(np.exp(1j * (angle - middle))))
    on_arc = np.exp(-((distance - radius) ** 2) / (2 * 1.5**2)) * (off_middle <= np.deg2rad(opening) / 2 + 1e-9)
    kernels = []
    for orientation in ORIENTATIONS:
        apart = np.angle(np.exp(2j * (angle - np.deg2rad(orientation)))) / 2
        kernels.append(on_arc * np.exp(-(apart**2) / (2 * np.deg2rad(12) ** 2)))
    kernel = np.stack(kernels)
    kernel -= 1.2 * kernel.mean(0)
    return torch.tensor(kernel / on_arc.sum(), dtype=torch.float32)


class HighLowUnit(nn.Module):
    """The derivative across the image of the smoothed energy of high frequencies: high at the left, low at the right
    where its direction is 0."""

    def __init__(self) -> None:
        super().__init__()
        y, x = np.mgrid[-12:13, -12:13].astype(float)
        self.step = nn.Buffer(torch.tensor(-x * np.exp(-(x**2 + y**2) / 50), dtype=torch.float32)[None, None])

    def forward(self, image_NCHW: Tensor) -> Tensor:
        grey = image_NCHW.mean(1, keepdim=True)
        blurred = torch.nn.functional.avg_pool2d(grey, 5, 1, 2, count_include_pad=False)
        return torch.nn.functional.conv2d((grey - blurred).square(), self.step, padding=12)
