"""Proves on four tokens that a model's map says what the model does: names may fit where the arithmetic does not."""

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from models.language_model.model_limits import ModelLimits
from models.language_model.module_map import UnknownArchitecture
from models.language_model.rounding import equal_up_to_rounding
from models.language_model.sites import Site

if TYPE_CHECKING:
    from models.language_model.hooked_model import HookedModel

N_TOKENS = 4
"""Fewer where the model has fewer positions."""


@torch.no_grad()
def check_and_measure_widths(host: "HookedModel") -> dict[Site, int]:
    """Width of every site of a model that keeps what its map promises.

    Promised are: one vector a token at every site; `resid_post.L` is `resid_pre.L+1`; the stream is the sum of what is
    added to it; hooks that read, and edits that change nothing, leave the output as it was, bit for bit; an edit of
    `resid_mid` changes the stream.

    Raises:
        UnknownArchitecture: Naming the first promise that is broken.
    """
    token_ids_BP = probe_tokens(host.model, host.tokenizer)
    run = partial(host.model, input_ids=token_ids_BP, attention_mask=torch.ones_like(token_ids_BP))
    plain = run()[0]
    with host.capture(host.sites, stop_early=False) as found:
        read = run()[0]
    with host.intervene(dict.fromkeys(host.sites, _unchanged)):
        edited = run()[0]
    for site in host.sites:
        _require(host, f"{site} is reached in a pass", site in found)
        _require(host, f"{site} has one vector a token", found[site].shape[:2] == token_ids_BP.shape)
    _require(host, "reading leaves the output as it was", _same(plain, read))
    _require(host, "an edit that changes nothing leaves the output as it was", _same(plain, edited))
    _check_stream(host, found)
    _check_edit(host, token_ids_BP)
    return {site: x.shape[-1] for site, x in found.items()}


def probe_tokens(model: Any, tokenizer: Any) -> Tensor:
    """The first token ids that stand for text, as one row; as many as the model has positions."""
    weight, special = model.get_input_embeddings().weight, set(tokenizer.all_special_ids)
    plain_ids = [i for i in range(min(len(weight), N_TOKENS + len(special))) if i not in special]
    n = min(N_TOKENS, ModelLimits.of("", model.config).n_positions or N_TOKENS)
    return torch.tensor([(plain_ids * n)[:n]], device=weight.device)


def _check_stream(host: "HookedModel", found: Mapping[Site, Tensor]) -> None:
    module_map, blocks = host.module_map, host.module_map.blocks
    norms = [[block.get_submodule(path) for path in module_map.post_norms or ()] for block in blocks]
    for layer in range(host.n_layers):
        pre, post, attn, mlp = (found[Site(k, layer)] for k in ("resid_pre", "resid_post", "attn_out", "mlp_out"))
        after_attention, after_mlp = norms[layer] or (_unchanged, _unchanged)
        if "resid_mid" not in module_map.kinds:
            said = f"resid_post.{layer} = resid_pre.{layer} + attn_out.{layer} + mlp_out.{layer}"
            _require(host, said, equal_up_to_rounding(post, pre + attn + mlp))
        else:
            mid = found[Site("resid_mid", layer)]
            for said, value, wanted in (
                (f"resid_mid.{layer} = resid_pre.{layer} + attn_out.{layer}", mid, after_attention(pre + attn)),
                (f"resid_post.{layer} = resid_mid.{layer} + mlp_out.{layer}", post, after_mlp(mid + mlp)),
            ):
                _require(
                    host, said + (", normed" if module_map.post_norms else ""), equal_up_to_rounding(value, wanted)
                )
        if layer:
            _require(
                host, f"resid_post.{layer - 1} = resid_pre.{layer}", _same(found[Site("resid_post", layer - 1)], pre)
            )


def _check_edit(host: "HookedModel", token_ids_BP: Tensor) -> None:
    """With the stream between attention and MLP set to 0, nothing but the MLP's output leaves the first block."""
    module_map = host.module_map
    if "resid_mid" not in module_map.kinds or module_map.post_norms is not None:
        return
    leaving, mlp_out = Site("resid_post", 0), Site("mlp_out", 0)
    with host.intervene({Site("resid_mid", 0): torch.zeros_like}), host.capture([leaving, mlp_out]) as found:
        host.forward(token_ids_BP)
    _require(host, "an edit of resid_mid changes the stream", equal_up_to_rounding(found[leaving], found[mlp_out]))


def _require(host: "HookedModel", said: str, kept: bool) -> None:
    if not kept:
        raise UnknownArchitecture(
            f"{host.architecture} has the parts of the family {host.module_map.family!r} but does not "
            f"compute as it does; broken is: {said}. Describe it by a row of its own in FAMILIES of "
            "models/language_model/module_map.py, or name another model in the card"
        )


def _unchanged(x_BPD: Tensor) -> Tensor:
    return x_BPD


def _same(a: Tensor, b: Tensor) -> bool:
    """Bit for bit; NaN, which broken weights make, counts as equal to itself."""
    return bool(((a == b) | (a.isnan() & b.isnan())).all())
