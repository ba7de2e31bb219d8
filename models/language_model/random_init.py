"""The same model before training: what a probe reads there, tokens and positions alone say."""

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from models.language_model.hooked_model import HookedModel


def random_init_model(host: "HookedModel", seed: int) -> "HookedModel":
    """A model of the same class and config with the weights that its class begins training with."""
    from models.language_model.hooked_model import HookedModel

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = type(host.model)(host.model.config)
    model.to(device=host.device, dtype=host.model.dtype).eval().requires_grad_(False)
    weights = f"random, seed {seed}"
    random = HookedModel(model, host.tokenizer, host.is_causal, host.source, host.revision, weights)
    random.prove()
    return random
