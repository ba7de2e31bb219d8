"""Which attention sites a model has, proven on four tokens; a model that has none says why."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from models.language_model.attention_interface import (
    ATTENTION_KINDS,
    attention_hooks,
    is_supported,
    pattern_times_value,
)
from models.language_model.hooks import HookFunction
from models.language_model.module_map import ModuleMap
from models.language_model.rounding import equal_up_to_rounding
from models.language_model.self_test import probe_tokens
from models.language_model.sites import Site

if TYPE_CHECKING:
    from models.language_model.hooked_model import HookedModel


@dataclass(frozen=True, slots=True)
class AttentionSites:
    """The attention sites of one model."""

    sites: Sequence[Site] = ()
    widths: Mapping[Site, int] = field(default_factory=dict)
    """Numbers per token at each but `attn_pattern`, which has no vector a token."""
    lack: str = ""
    """Why there are none."""

    def of(self, site: Site, module_map: ModuleMap) -> "AttentionSites":
        """The same, once the site is known to be among them.

        Raises:
            ValueError: If the model has no attention sites.
        """
        if self.lack:
            raise ValueError(
                f"{module_map.name} has no {site}: its attention cannot be read, because {self.lack}. It has "
                f"{', '.join(module_map.kinds)}: take one of these, such as {replace(site, kind='attn_out')}, which is "
                "what attention adds to the stream, or another model"
            )
        return self


@torch.no_grad()
def proven_attention_sites(host: "HookedModel") -> AttentionSites:
    """The attention sites of a model whose heads say what their patterns take of their values.

    A model may compute attention in code of its own, or otherwise than it should: it then has none, and stays usable
    at its other sites.
    """
    if not is_supported(host.model):
        return AttentionSites(lack="its code computes attention by itself and asks transformers for no function")
    found: dict[Site, Tensor] = {}
    with host.passes.undisturbed():
        try:
            lack = _lack(host, found)
        except torch.OutOfMemoryError:
            raise
        except Exception as error:  # a model's own code may raise anything
            lack = f"a pass in which it is read fails ({type(error).__name__}: {error})"
    if lack:
        return AttentionSites(lack=lack)
    return AttentionSites(_sites(host), {site: x.shape[-1] for site, x in found.items() if site.kind != "attn_pattern"})


def _lack(host: "HookedModel", found: dict[Site, Tensor]) -> str:
    """What keeps the attention from being read; nothing if all is as it should be. Fills with what was found."""
    read = _pass_seen(host, lambda site: lambda x: found.update({site: x}))
    unseen = [str(layer) for layer in range(host.n_layers) if Site("z", layer) not in found]
    if unseen:
        return f"block {', '.join(unseen)} asks transformers for no function of attention"
    broken = _broken_sum(host, found)
    if not broken and not equal_up_to_rounding(read, _pass_seen(host, lambda _: torch.clone)):
        return "an edit of it that changes nothing changes the output"
    return broken


def _sites(host: "HookedModel") -> list[Site]:
    return [Site(kind, layer) for layer in range(host.n_layers) for kind in ATTENTION_KINDS]


def _pass_seen(host: "HookedModel", see: Callable[[Site], HookFunction]) -> Tensor:
    """What the model returns for a few tokens while every attention site is seen."""
    token_ids_BP = probe_tokens(host.model, host.tokenizer)
    with ExitStack() as hooks:
        for site in _sites(host):
            block = host.module_map.blocks[host.module_map.layer_of(site)]
            hooks.enter_context(attention_hooks(host.model, block, site.kind, see(site)))
        return host.model(input_ids=token_ids_BP, attention_mask=torch.ones_like(token_ids_BP))[0]


def _broken_sum(host: "HookedModel", found: Mapping[Site, Tensor]) -> str:
    for layer in range(host.n_layers):
        pattern_BHPK, value_BPD, z_BPD = (found[Site(kind, layer)] for kind in ("attn_pattern", "v", "z"))
        width = z_BPD.shape[-1] // pattern_BHPK.shape[1]
        value_BHPd = value_BPD.unflatten(-1, (-1, width)).transpose(1, 2)
        if not equal_up_to_rounding(pattern_times_value(pattern_BHPK, value_BHPd).flatten(2), z_BPD):
            return f"z.{layer} is not attn_pattern.{layer} · v.{layer}"
    return ""
