"""A direction taken out of everything that a model writes into its stream, by hooks or in the weights themselves.

x <- x - (x · r) r, r of length 1, where the stream enters each block and wherever attention or MLP adds to it (Arditi
et al. 2024, arXiv:2406.11717, who find refusal in one direction). In the weights the same: what writes into the stream
is made orthogonal to r, which changes nothing else and costs nothing when the model runs.

D model width.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from models.language_model.hooked_model import HookedModel
from models.language_model.self_test import probe_tokens
from models.language_model.site_edit import Edit
from models.language_model.sites import Site

WRITES = ("resid_pre", "attn_out", "mlp_out")
LEFT = 1e-4
"""Share of the stream's length that may be left along the direction, by rounding."""


class NotOrthogonal(ValueError):
    """A model writes into its stream by more than its embeddings and its blocks' last projections. Use hooks."""


def ablate_direction(direction_D: Tensor) -> Edit:
    """An edit that takes the direction out of a value (…, D)."""
    unit_D = direction_D / direction_D.norm()

    def edit(x: Tensor) -> Tensor:
        unit = unit_D.to(x)
        return x - (x @ unit)[..., None] * unit

    return edit


def ablated_everywhere(host: HookedModel, direction_D: Tensor) -> AbstractContextManager[None]:
    """A context in which nothing in the stream lies along the direction, at any token of any block."""
    edit = ablate_direction(direction_D)
    return host.intervene({Site(kind, layer): edit for layer in range(host.n_layers) for kind in WRITES})


@contextmanager
@torch.no_grad()
def orthogonalized_weights(host: HookedModel, direction_D: Tensor) -> Iterator[None]:
    """A context in which the weights themselves write nothing along the direction; they are put back behind it.

    An output embedding that is tied to the input embedding changes with it, so that a model with tied embeddings is
    given a copy for its logits.

    Raises:
        NotOrthogonal: If something is left along the direction after all.
    """
    unit_D = (direction_D / direction_D.norm()).to(host.device)
    head, embedding = host.model.get_output_embeddings(), host.module_map.embedding
    tied = head if head is not None and head.weight is embedding.weight else None
    changed = list(_writers(host, len(unit_D)))
    kept = [weight.detach().clone() for weight, _ in changed]
    if tied is not None:
        tied.weight = nn.Parameter(embedding.weight.detach().clone(), requires_grad=False)
    try:
        for weight, axis in changed:
            along = weight @ unit_D.to(weight) if axis == -1 else unit_D.to(weight) @ weight
            weight -= along[..., None] * unit_D.to(weight) if axis == -1 else unit_D.to(weight)[:, None] * along
        _prove(host, unit_D)
        yield
    finally:
        for (weight, _), before in zip(changed, kept, strict=True):
            weight.copy_(before)
        if tied is not None:
            tied.weight = embedding.weight


def _writers(host: HookedModel, width: int) -> Iterator[tuple[Tensor, int]]:
    """Weights that write into the stream, with the axis of the stream: embeddings, and the last projection of each
    attention and MLP with its bias."""
    for module in host.model.modules():
        if isinstance(module, nn.Embedding) and module.embedding_dim == width:
            yield module.weight, -1
    for layer in range(host.n_layers):
        for kind in ("attn_out", "mlp_out"):
            module, _ = host.module_map.at(Site(kind, layer))
            last = _last_projection(module, width)
            if last is None:
                raise NotOrthogonal(f"{kind}.{layer} of {host.architecture} has no projection of width {width:,}")
            yield last.weight, 0 if isinstance(last, nn.Linear) else -1
            if last.bias is not None:
                yield last.bias, -1


def _last_projection(module: nn.Module, width: int) -> Any:
    """The last of a module's linear maps that gives vectors of this width; GPT-2 keeps its weights turned."""
    found = None
    for part in module.modules():
        weight = getattr(part, "weight", None)
        turned = type(part).__name__ == "Conv1D" and isinstance(weight, Tensor) and weight.shape[1] == width
        if turned or (isinstance(part, nn.Linear) and part.out_features == width):
            found = part
    return found


def _prove(host: HookedModel, unit_D: Tensor) -> None:
    sites = [Site("resid_post", layer) for layer in range(host.n_layers)]
    with host.capture(sites) as found:
        host.forward(probe_tokens(host.model, host.tokenizer))
    for site in sites:
        left = float((found[site] @ unit_D.to(found[site])).abs().max() / found[site].norm(dim=-1).max())
        if left > LEFT:
            raise NotOrthogonal(
                f"{host.architecture} still writes along the direction at {site} ({left:.1e} of the stream's length): "
                "a norm or a scale stands behind its projections, so ablate by hooks"
            )
