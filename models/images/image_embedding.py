"""What a vision model says of a whole image: one vector, of its CLS token or of the mean of its patches.

It is read where the last block ends, behind the norm that follows there.

B images of a batch, P positions, D width of the last block.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from models.images.image_corpus import ImageCorpus
from models.language_model.sites import Site
from models.vision_model.vision_model import VisionModel

BATCH = 32


@dataclass(frozen=True, eq=False, slots=True)
class ImageEmbeddings:
    """One vector an image, and where it was read."""

    value_ND: np.ndarray
    site: Site
    pooling: str
    """`cls`, or `mean` over the patches."""


@torch.no_grad()
def image_embeddings(
    model: VisionModel,
    images: ImageCorpus,
    image_ids: Sequence[int],
    report: Callable[[int, int], None] = lambda done, total: None,
) -> ImageEmbeddings:
    """Embeds images of a corpus, in the order asked, in one forward pass each; `report` is called after each batch."""
    site = Site("resid_post", model.n_layers - 1)
    pooling = "cls" if model.grid(site).n_cls else "mean"
    values = list[np.ndarray]()
    for first in range(0, len(image_ids), BATCH):
        views = images.views(image_ids[first : first + BATCH]).to(model.device)
        with model.capture([site]) as found:
            model.forward(model.preprocessing.normalised(views))
        values.append(_pooled(model, site, found[site], pooling).float().cpu().numpy())
        report(min(first + BATCH, len(image_ids)), len(image_ids))
    return ImageEmbeddings(np.concatenate(values), site, pooling)


def _pooled(model: VisionModel, site: Site, x_BPD: Tensor, pooling: str) -> Tensor:
    """A map is pooled and then normed, tokens are normed each, as the models' own heads do. Shape (B, D)."""
    norm, n_leading = model.vision_map.final_norm, model.grid(site).n_leading
    if model.vision_map.family.layout == "map":
        return norm(x_BPD.mean(dim=1))
    normed_BPD = norm(x_BPD)
    return normed_BPD[:, 0] if pooling == "cls" else normed_BPD[:, n_leading:].mean(dim=1)
