"""The loop that makes images: views of the parameters through the model, and Adam upwards.

N images (one a seed), C width of the site, H and W places.

Source: Olah, Mordvintsev and Schubert 2017, "Feature Visualization", distill.pub/2017/feature-visualization; lucid,
`optvis/render.py`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
import torch.nn.functional
from torch import Tensor

from models.optimised_images.image_parameters import Basis, ImageParameters
from models.optimised_images.objectives import Objective
from models.optimised_images.robust_transforms import RobustTransforms

SiteMap = Callable[[Tensor], Tensor]
"""Images (N, 3, H, W) between 0 and 1 to the values of a site (N, C, H, W), normalised as the model wants it, with a
gradient."""


@dataclass(frozen=True, slots=True)
class OptimisationPlan:
    """How images are made."""

    size: int = 128
    """Pixels of a side."""
    steps: int = 512
    rate: float = 0.05
    """Adam's."""
    basis: Basis = "fourier"
    decorrelated: bool = True
    transforms: RobustTransforms = field(default_factory=RobustTransforms)
    view_side: int | None = None
    """Pixels of a side of what the model is given; None as many as a view has of the image."""
    variation_weight: float = 0.0
    """Of the total variation that is taken off the objective: for models of patches, whose edges leave a grid."""


@dataclass(frozen=True, slots=True)
class OptimisedImages:
    """The images of some seeds, and the objective's value of each, of the image as it is and along the way."""

    rgb_NCHW: Tensor
    value_N: Tensor
    """Of the finished image, not of a view."""
    value_SN: Tensor
    """Of the view of each step."""


def optimised_images(
    site_map: SiteMap,
    objective: Objective,
    plan: OptimisationPlan,
    seeds: Sequence[int],
    device: torch.device | str = "cpu",
) -> OptimisedImages:
    """Makes an image for each seed: equal seeds make equal images.

    Args:
        site_map: The model up to a site. Its weights are left alone.
        objective: What is to become large.
        plan: How.
        seeds: One an image, of its beginning and of its views.
        device: Where the model is.

    Raises:
        ValueError: If the objective has no gradient at the start, or becomes something that is no number.
    """
    images = ImageParameters(seeds, plan.size, plan.basis, decorrelated=plan.decorrelated).to(device)
    adam = torch.optim.Adam(images.parameters(), lr=plan.rate)
    chances = [torch.Generator().manual_seed(seed) for seed in seeds]
    values = list[Tensor]()
    for step in range(plan.steps):
        adam.zero_grad()
        rgb_NCHW = images()
        value_N = objective(site_map(plan.transforms.views(rgb_NCHW, chances, plan.view_side)))
        loss = -value_N.sum()
        if plan.variation_weight:
            loss = loss + plan.variation_weight * total_variation(rgb_NCHW).sum()
        loss.backward()
        _check(value_N, images.parameters_N.grad, step)
        adam.step()
        values.append(value_N.detach().cpu())
    with torch.no_grad():
        rgb_NCHW = images()
        value_N = objective(site_map(resized(rgb_NCHW, plan.view_side)))
    return OptimisedImages(rgb_NCHW.cpu(), value_N.cpu(), torch.stack(values) if values else torch.empty(0, len(seeds)))


def total_variation(rgb_NCHW: Tensor) -> Tensor:
    """The mean size of the step from a pixel to the next, (N,)."""
    down, along = rgb_NCHW.diff(dim=-2).abs(), rgb_NCHW.diff(dim=-1).abs()
    return down.mean((1, 2, 3)) + along.mean((1, 2, 3))


def resized(rgb_NCHW: Tensor, side: int | None) -> Tensor:
    """Images as wide as the model wants them; None as they are."""
    if side is None or side == rgb_NCHW.shape[-1]:
        return rgb_NCHW
    return torch.nn.functional.interpolate(rgb_NCHW, size=(side, side), mode="bilinear", antialias=True)


def _check(value_N: Tensor, gradient: Tensor | None, step: int) -> None:
    if not torch.isfinite(value_N).all():
        raise ValueError(f"the objective is {value_N.tolist()} at step {step}: take a smaller `rate`, or another unit")
    if step == 0 and (gradient is None or not gradient.abs().max() > 0):
        raise ValueError(
            "the objective has no gradient with regard to the image: the unit is dead, or is read behind a "
            "nonlinearity that cuts it off; name another unit, or the site before"
        )
