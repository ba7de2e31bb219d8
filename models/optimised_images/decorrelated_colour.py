"""Colours whose three axes are independent in photographs, so that a step changes brightness and hue alike often.

N images, C 3 channels, H height, W width.

Source: the colour correlations of ImageNet as lucid has them (github.com/tensorflow/lucid, `optvis/param/color.py`),
explained in Olah, Mordvintsev and Schubert 2017, "Feature Visualization", distill.pub/2017/feature-visualization.
"""

import torch
from torch import Tensor

CORRELATION_ROOT = ((0.26, 0.09, 0.02), (0.27, 0.0, -0.05), (0.27, -0.09, 0.03))
"""Square root K of the covariance of red, green and blue: a column an axis."""
MEAN = (0.48, 0.46, 0.41)
"""Mean red, green and blue of ImageNet, between 0 and 1."""


def colour_matrix() -> Tensor:
    """M = K / (norm of its longest column): three independent axes to red, green and blue, (3, 3)."""
    root = torch.tensor(CORRELATION_ROOT)
    return root / root.norm(dim=0).max()


def rgb_of(decorrelated_NCHW: Tensor, *, sigmoid: bool = True) -> Tensor:
    """Red, green and blue between 0 and 1.

    Args:
        decorrelated_NCHW: Values along the independent axes.
        sigmoid: Whether a logistic function holds them between 0 and 1; without it the mean colour is added and what is
            outside is cut off, where nothing has a gradient.
    """
    matrix = colour_matrix().to(decorrelated_NCHW)
    rgb_NCHW = torch.einsum("oc,nchw->nohw", matrix, decorrelated_NCHW)
    if sigmoid:
        return torch.sigmoid(rgb_NCHW)
    mean_C11 = torch.tensor(MEAN).to(rgb_NCHW)[:, None, None]
    return (rgb_NCHW + mean_C11).clamp(0, 1)
