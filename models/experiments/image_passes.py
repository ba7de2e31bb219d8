"""Logits of images while one site of the model is edited. N images, K classes."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext

import torch
from torch import Tensor

from models.experiments.vision_image import VisionImage, stacked_views
from models.language_model.sites import Site
from models.vision_model.patch_map import PatchMap
from models.vision_model.vision_model import VisionModel

IMAGES_PER_PASS = 32


@torch.no_grad()
def class_logits(
    host: VisionModel, images: Sequence[VisionImage], site: Site, edit: Callable[[Tensor], Tensor] | None = None
) -> Tensor:
    """Logits of every class (N, K) in float64, with `edit(map)` in the place of the map of a site.

    Raises:
        ValueError: If the model does not classify.
    """
    parts = []
    for start in range(0, len(images), IMAGES_PER_PASS):
        pixels = host.preprocessing.normalised(stacked_views(images[start : start + IMAGES_PER_PASS]))
        with PatchMap(host, site).edited(edit) if edit is not None else nullcontext():
            logits_NK = host.forward(pixels)
        if logits_NK is None:
            raise ValueError(f"{host.architecture} does not classify: name a model with classes")
        parts.append(logits_NK.double().cpu())
    return torch.cat(parts)


@torch.no_grad()
def image_maps(host: VisionModel, images: Sequence[VisionImage], site: Site, *, other: bool = False) -> Tensor:
    """The map of a site for every image, or for the second images of pairs: (N, C, H, W)."""
    parts = []
    for start in range(0, len(images), IMAGES_PER_PASS):
        views = stacked_views(images[start : start + IMAGES_PER_PASS], other=other)
        found = host.run(host.preprocessing.normalised(views), [site])[site]
        parts.append(PatchMap(host, site).as_map(found).cpu())
    return torch.cat(parts)
