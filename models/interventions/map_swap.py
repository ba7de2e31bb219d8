"""One feature of an image off and another on, at the places where the first fires.

x' = x + (0 − f_off) W_dec[off] + (value − f_on) W_dec[on] where f_where > 0; x everywhere else.

N images, C width of the site, H and W places, F features.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from models.interventions.feature_swap import FeatureSwap


@dataclass(frozen=True, slots=True)
class MapSwap:
    """A swap as an edit of a site's map."""

    activations: Callable[[Tensor, list[int]], Tensor]
    """Of some features at each place, (N, C, H, W) and their numbers to (N, features, H, W)."""
    W_dec_FC: Tensor
    swap: FeatureSwap

    def __call__(self, map_NCHW: Tensor) -> Tensor:
        swap = self.swap
        off_NHW, on_NHW, where_NHW = self.activations(map_NCHW, [swap.off, swap.on, swap.where]).unbind(1)
        along_off, along_on = (
            self.W_dec_FC[feature].to(map_NCHW)[None, :, None, None] for feature in (swap.off, swap.on)
        )
        change = -off_NHW[:, None] * along_off
        if swap.on == swap.off:
            change = torch.zeros_like(change)
        change = change + (swap.value - on_NHW)[:, None] * along_on
        return map_NCHW + (where_NHW > 0)[:, None] * change
