"""A vision model that is fed the images of a corpus by their numbers, so that it is read as a model of text is.

B images of a batch.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from models.images.grid_corpus import GridCorpus
from models.language_model.site_edit import Edit
from models.language_model.sites import Site
from models.vision_model.vision_model import VisionModel


@dataclass(slots=True)
class ImageHost:
    """One model and the corpus that its contexts are numbers of."""

    model: VisionModel
    corpus: GridCorpus
    is_causal: bool = False

    @property
    def device(self) -> torch.device:
        return self.model.device

    @property
    def n_layers(self) -> int:
        return self.model.n_layers

    @property
    def vocab_size(self) -> int:
        """Token ids of a grid are its positions."""
        return self.corpus.grid.n_positions

    def width(self, site: Site) -> int:
        return self.model.width(site)

    def capture(self, sites: Sequence[Site], stop_early: bool = True) -> AbstractContextManager[Any]:
        return self.model.capture(sites, stop_early)

    def intervene(self, edits: Mapping[Site, Edit]) -> AbstractContextManager[None]:
        return self.model.intervene(edits)

    def pixels(self, image_ids: Sequence[int]) -> Tensor:
        """What the model reads of images, (B, 3, H, W)."""
        return self.model.preprocessing.normalised(self.corpus.images.views(image_ids).to(self.device))

    @torch.no_grad()
    def forward_contexts(self, image_ids: Sequence[int]) -> Tensor | None:
        """Runs the model on images; logits where it classifies and no capture ends the pass."""
        return self.model.forward(self.pixels(image_ids))

    def forward(self, token_ids_BP: Tensor, attention_mask: Tensor | None = None) -> Any:
        """Raises TypeError: a vision model has no tokens to be given."""
        raise TypeError("a vision model reads images, not token ids: call forward_contexts with their numbers")
