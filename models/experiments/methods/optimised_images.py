"""Images that are made for units of a vision model."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor

from models.experiments.image_targets import Given, ImageTarget, image_targets, objective_of
from models.experiments.method import PassCount, Rows
from models.experiments.settings.optimised_images import OptimisedImagesSettings
from models.experiments.vision_method import VisionMethod
from models.optimised_images.image_optimization import OptimisationPlan, optimised_images, resized
from models.optimised_images.robust_transforms import RobustTransforms
from models.vision_model.patch_map import PatchMap, checked_side, takes_any_side
from storage.manifest import sha256_of


def _measure(given: Given, targets: Sequence[ImageTarget]) -> Rows:
    return {"optimised_image": [row for target in targets for row in _rows(given, target)]}


def _rows(given: Given, target: ImageTarget) -> Iterator[dict[str, Any]]:
    settings, plan = given.settings, _plan(given)
    seeds = range(given.seed, given.seed + settings.images)
    name, objective = objective_of(target, settings)
    made = optimised_images(PatchMap(given.host, target.units.site), objective, plan, seeds, given.host.device)
    with torch.no_grad():
        strongest_N = target.strongest(resized(made.rgb_NCHW, plan.view_side)).cpu()
    for at, seed in enumerate(seeds):
        yield target.columns | {
            "image_seed": seed,
            "objective": name,
            "value": float(made.value_N[at]),
            "start_value": float(made.value_SN[0, at]),
            "activation": float(strongest_N[at]),
            "diversity": settings.diversity,
            "steps": settings.steps,
            "side": settings.size,
            "basis": settings.basis,
            "transforms_sha256": sha256_of(asdict(plan.transforms)),
            "png": png_of(made.rgb_NCHW[at]),
        }


def png_of(rgb_CHW: Tensor) -> bytes:
    """An image between 0 and 1 as a PNG file."""
    from PIL import Image

    levels = (rgb_CHW.clamp(0, 1) * 255).round().to(torch.uint8).permute(1, 2, 0).numpy()
    file = io.BytesIO()
    Image.fromarray(levels).save(file, "PNG")
    return file.getvalue()


def _plan(given: Given) -> OptimisationPlan:
    settings = given.settings
    transforms = RobustTransforms(
        settings.pad, settings.jitter, tuple(settings.scales), tuple(settings.angles), settings.final_jitter
    )
    return OptimisationPlan(
        settings.size,
        settings.steps,
        settings.rate,
        settings.basis,
        settings.decorrelated,
        transforms,
        None if takes_any_side(given.host) else checked_side(given.host, None),
        settings.variation,
    )


def _passes(given: Given) -> PassCount:
    """A step is a pass there and back for each image; each image is looked at twice when it is finished."""
    settings = given.settings
    n = settings.images * (len(settings.units) + len(settings.directions))
    return PassCount(n * (settings.steps + 2), n * settings.steps)


def _check(given: Given) -> None:
    checked_side(given.host, None)
    image_targets(given)


METHOD = VisionMethod(
    settings=OptimisedImagesSettings, items=image_targets, measure=_measure, passes=_passes, check=_check
)
