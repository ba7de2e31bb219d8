"""What is made as large as possible: a number an image, worked out of the values of one site.

N images, C width of the site, H and W its places. A site of tokens is a map too: its patches, as they lie in the image.
Values are taken before a cutting nonlinearity, since nothing can be learnt where it is zero.

Source: lucid, `optvis/objectives.py`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
import torch.nn.functional
from torch import Tensor

from models.dictionaries.base import SparseDictionary


class Objective(Protocol):
    """A number for each image."""

    def __call__(self, map_NCHW: Tensor) -> Tensor:
        """The value of each image, (N,)."""
        ...


@dataclass(frozen=True, slots=True)
class ChannelObjective:
    """The mean of a channel over all places, or of a power of it: a channel that is linear has a mean near zero
    whatever it responds to, and its mean square says how much it does."""

    channel: int
    power: int = 1

    def __call__(self, map_NCHW: Tensor) -> Tensor:
        return map_NCHW[:, self.channel].pow(self.power).mean((-2, -1))


@dataclass(frozen=True, slots=True)
class NeuronObjective:
    """A channel at the place in the middle."""

    channel: int

    def __call__(self, map_NCHW: Tensor) -> Tensor:
        height, width = map_NCHW.shape[-2:]
        return map_NCHW[:, self.channel, height // 2, width // 2]


@dataclass(frozen=True, slots=True)
class DirectionObjective:
    """x·v, times a power of the cosine between them, averaged over places: with a power, activations that are large but
    point elsewhere count less."""

    direction_C: Tensor
    cosine_power: float = 0.0
    least_cosine: float = 0.1
    """What a smaller cosine counts as, so that there is a gradient from the start."""

    def __call__(self, map_NCHW: Tensor) -> Tensor:
        direction_C = self.direction_C.to(map_NCHW)
        product_NHW = torch.einsum("nchw,c->nhw", map_NCHW, direction_C)
        if self.cosine_power:
            norm_NHW = map_NCHW.norm(dim=1) * direction_C.norm()
            cosine_NHW = product_NHW / norm_NHW.clamp_min(torch.finfo(map_NCHW.dtype).tiny)
            product_NHW = product_NHW * cosine_NHW.clamp_min(self.least_cosine).pow(self.cosine_power)
        return product_NHW.mean((-2, -1))


@dataclass(frozen=True, slots=True)
class LatentObjective:
    """The pre-activation of a latent, averaged over places or at the one in the middle."""

    pre_activation: Callable[[Tensor], Tensor]
    """Of one latent for rows of activations, (rows, C) to (rows,)."""
    in_the_middle: bool = False

    @classmethod
    def of(cls, sae: SparseDictionary, feature: int, *, in_the_middle: bool = False) -> "LatentObjective":
        """Of one feature of a dictionary, before the dictionary chooses which features fire."""
        row_C, bias = sae.encoder_FD.detach()[feature], sae.b_enc.detach()[feature]
        return cls(lambda x_TC: (x_TC.float() - sae.centre_D.detach()) @ row_C + bias, in_the_middle)

    def __call__(self, map_NCHW: Tensor) -> Tensor:
        n, width, height, across = map_NCHW.shape
        if self.in_the_middle:
            return self.pre_activation(map_NCHW[:, :, height // 2, across // 2])
        rows = map_NCHW.movedim(1, -1).reshape(-1, width)
        return self.pre_activation(rows).reshape(n, -1).mean(-1)


@dataclass(frozen=True, slots=True)
class Diversity:
    """An objective, and how little the images look alike to the site: less the mean cosine between their Gram matrices.

    The images of one call then depend on each other.
    """

    objective: Objective
    weight: float

    def __call__(self, map_NCHW: Tensor) -> Tensor:
        return self.objective(map_NCHW) - self.weight * gram_similarity(map_NCHW)


def gram_similarity(map_NCHW: Tensor) -> Tensor:
    """The mean cosine between an image's Gram matrix and those of the others, (N,); zero of a single image."""
    n = len(map_NCHW)
    flat_NCP = map_NCHW.flatten(2)
    gram_ND = torch.nn.functional.normalize((flat_NCP @ flat_NCP.transpose(1, 2)).flatten(1), dim=-1)
    cosine_NN = gram_ND @ gram_ND.T
    return (cosine_NN.sum(1) - cosine_NN.diagonal()) / max(n - 1, 1)
