"""Small models of five families for tests of attention: their projections, passes and captures."""

import torch
from tiny_models import LAYERS
from torch import Tensor

from models.language_model.hooked_model import HookedModel
from models.language_model.sites import Site

OUTPUT = {
    "gpt2": "transformer.h.{}.attn.c_proj",
    "gpt_neox": "gpt_neox.layers.{}.attention.dense",
    **dict.fromkeys(("llama", "gemma2", "qwen3"), "model.layers.{}.self_attn.o_proj"),
}
"""What turns the heads' outputs into what attention adds to the stream, by family."""
HEADS = 4


def output_projections(hooked: HookedModel) -> list[torch.nn.Module]:
    """The module that turns the heads' outputs into what attention adds to the stream, of each block."""
    names = dict(hooked.model.named_children())
    path = next(path for path in OUTPUT.values() if path.split(".")[0] in names)
    return [hooked.model.get_submodule(path.format(layer)) for layer in range(LAYERS)]


def prompts() -> Tensor:
    """Two rows of twelve tokens."""
    return torch.randint(5, 200, (2, 12), generator=torch.Generator().manual_seed(2))


def eager_logits(hooked: HookedModel, token_ids: Tensor) -> Tensor:
    """Logits of the bare model with attention written out."""
    before = hooked.model.config._attn_implementation
    hooked.model.set_attn_implementation("eager")
    logits = hooked.model(input_ids=token_ids, attention_mask=torch.ones_like(token_ids), use_cache=False).logits
    hooked.model.set_attn_implementation(before)
    return logits


def sites_of(kind: str) -> list[Site]:
    """The sites of a kind in every block."""
    return [Site(kind, layer) for layer in range(LAYERS)]


def captured(hooked: HookedModel, token_ids: Tensor, *kinds: str) -> dict[Site, Tensor]:
    """Values of all sites of some kinds in one pass."""
    with hooked.capture([site for kind in kinds for site in sites_of(kind)], stop_early=False) as values:
        hooked.forward(token_ids)
    return dict(values)
