"""A registry with a tiny vision model and drawn images in a folder, for tests that run the whole chain."""

import textwrap
from pathlib import Path

import numpy as np
from PIL import Image
from small_house import store_of

from pipelines.store.store import Store
from tests.support.tiny_vision_models import save_tiny_vision

RECIPE = """
    site: resid_post.@0.5
    sae: {architecture: topk, n_features: 48, k: 4}
    training: {tokens: 8_192, batch_tokens: 256, checkpoint_tokens: 4_096}
    statistics: {top_examples: 5, intervals: 4, examples_per_interval: 2, control_examples: 3, histogram_bins: 10, \
evaluation_tokens: 512, probe_tokens: 0}
    quality_bounds: {max_fvu: 0.9, max_dead_fraction: 0.9, min_ce_recovered: -10}
"""
NEURONS = RECIPE.replace("architecture: topk, n_features: 48, k: 4", "architecture: neurons")


def write_images(folder: Path, n: int = 48) -> Path:
    """Stripes and discs in two folders; an image differs from every other."""
    for number in range(n):
        kind = ("stripes", "discs")[number % 2]
        (folder / kind).mkdir(parents=True, exist_ok=True)
        drawn(kind, number).save(folder / kind / f"{number:03d}.png")
    return folder


def drawn(kind: str, seed: int) -> Image.Image:
    """Stripes of a random direction, or a disc at a random place, in random colours."""
    draw = np.random.default_rng(seed)
    y, x = np.mgrid[:48, :56]
    if kind == "stripes":
        angle = draw.uniform(0, np.pi)
        mask = np.sin((x * np.cos(angle) + y * np.sin(angle)) * draw.uniform(0.5, 1.2)) > 0
    else:
        mask = (x - draw.uniform(10, 46)) ** 2 + (y - draw.uniform(10, 38)) ** 2 < draw.uniform(36, 196)
    colours = draw.integers(0, 256, (2, 3), dtype=np.uint8)
    noise = draw.integers(0, 12, (48, 56, 3))
    return Image.fromarray((np.where(mask[..., None], colours[0], colours[1]) + noise).clip(0, 255).astype(np.uint8))


def vision_house(root: Path, kind: str = "vit", recipe: str = RECIPE, **images: str) -> Store:
    """A store whose registry asks for one recipe on one vision model, `seen/small`; nothing is made yet."""
    for name in ("models", "recipes"):
        (root / "registry" / name).mkdir(parents=True)
    folder = save_tiny_vision(kind, root / "weights" / "seen")
    write_images(root / "pictures")
    said = {"source": str(root / "pictures"), "label": "folder"} | images
    lines = "".join(f"  {key}: {value}\n" for key, value in said.items())
    (root / "registry/models/seen.yaml").write_text(f"source: {folder}\nimages:\n{lines}")
    (root / "registry/recipes/small.yaml").write_text(textwrap.dedent(recipe).lstrip())
    return store_of(root)
