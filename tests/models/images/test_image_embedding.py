"""The vector of an image is the one that the model's own head reads, or that transformers calls its pooled output."""

import numpy as np
import pytest
import torch

from models.images.image_corpus import ImageCorpus
from models.images.image_embedding import image_embeddings
from models.vision_model.vision_model import VisionModel, load_vision_model
from tests.support.tiny_vision_models import SIDE, save_tiny_vision

VIEWS = torch.randint(0, 256, (5, SIDE, SIDE, 3), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)


class Views(ImageCorpus):
    def __init__(self) -> None:
        """Nothing is stored: the images are those above."""

    def views(self, image_ids):
        return VIEWS[list(image_ids)]


@torch.no_grad()
def _pooled(host: VisionModel, ids: list[int]) -> torch.Tensor:
    pixels = host.preprocessing.normalised(VIEWS[ids])
    if not hasattr(host.model, "classifier"):
        found = host.model(pixel_values=pixels)
        return (
            found.last_hidden_state.mean(dim=1)
            if host.model.config.model_type == "siglip_vision_model"
            else (found.pooler_output)
        )
    seen = []
    with host.model.classifier.register_forward_pre_hook(lambda module, given: seen.append(given[0])):
        host.model(pixel_values=pixels)
    return seen[0].flatten(1)


@pytest.mark.parametrize(
    ("kind", "pooling"),
    [
        ("vit", "cls"),
        ("clip", "cls"),
        ("siglip", "mean"),
        ("dinov2_registers", "cls"),
        ("dinov3", "cls"),
        ("swin", "mean"),
        ("resnet", "mean"),
        ("convnext", "mean"),
    ],
)
def test_an_image_is_embedded_as_the_model_itself_pools_it(kind, pooling, tmp_path):
    host = load_vision_model(save_tiny_vision(kind, tmp_path))
    ids = [4, 0, 2]
    found = image_embeddings(host, Views(), ids)
    np.testing.assert_allclose(found.value_ND, _pooled(host, ids).numpy(), rtol=1e-4, atol=1e-5)
    assert (str(found.site), found.pooling) == (f"resid_post.{host.n_layers - 1}", pooling)
