"""Sites by the names that other libraries have for them: TransformerLens's hooks, modules of Hugging Face models."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from models.interchange.dashboards.dump import UNKNOWN

if TYPE_CHECKING:
    from models.language_model.block_points import BlockPoints

_HOOKS = {
    "resid_pre": "hook_resid_pre",
    "resid_mid": "hook_resid_mid",
    "resid_post": "hook_resid_post",
    "attn_in": "ln1.hook_normalized",
    "attn_out": "hook_attn_out",
    "mlp_in": "ln2.hook_normalized",
    "mlp_act": "mlp.hook_post",
    "mlp_out": "hook_mlp_out",
    "v": "attn.hook_v",
    "z": "attn.hook_z",
}
_KINDS = {hook: kind for kind, hook in _HOOKS.items()} | {"attn.hook_rot_q": "q", "attn.hook_rot_k": "k"}
_KINDS |= {"mlp.hook_in": "mlp_in", "mlp.hook_out": "mlp_out"}  # as circuit-tracer wraps an MLP
"""Hooks of a block and their kinds of site. `attn.hook_q` and `attn.hook_k` are before a rotation: no site is there."""
_HOOK = re.compile(r"blocks\.(\d+)\.([\w.]+)")
D_MODEL_KINDS = {"resid_pre", "resid_mid", "resid_post", "attn_out", "mlp_in", "mlp_out", "embed"}

_ATTENTION, _MLP = r"(?:self_attn|self_attention|attn|attention)", r"(?:mlp|feed_forward)"
_MODULES = {
    r"": ("resid_pre", "resid_post"),
    rf"\.{_ATTENTION}": ("attn_in", "attn_out"),
    rf"\.{_ATTENTION}\.(?:o_proj|out_proj|c_proj|dense)": ("z", "attn_out"),
    rf"\.{_MLP}": ("mlp_in", "mlp_out"),
    rf"\.{_MLP}\.(?:down_proj|c_proj|fc2|fc_out|dense_4h_to_h)": ("mlp_act", "mlp_out"),
    r"\.(?:input_layernorm|ln_1)": ("resid_pre", "attn_in"),
    r"\.(?:pre_feedforward_layernorm|ln_2)": (None, "mlp_in"),
    r"\.post_feedforward_layernorm": (None, "mlp_out"),
}
"""Modules of a block: the site that each reads, and the one that it gives out. `post_attention_layernorm` is the MLP's
norm in one family and the attention's in another, so it is none of them."""
_EMBEDDING = re.compile(r"(?:[\w-]+\.)*(?:embed_tokens|wte|embed_in|word_embeddings|tok_embeddings)(?:\.output)?")
"""The modules that look token embeddings up, by the names of the families."""
_OF_ATTENTION = ("z",)
"""Kinds of these that no point of a block's modules is of: they are read inside of attention."""
_MODULE = re.compile(r"(?:[\w-]+\.)*(?:layers|layer|h|blocks)\.(\d+)((?:\.[A-Za-z]\w*?)*?)(?:\.(input|output))?")


def to_hook_name(site: str) -> str | None:
    """`blocks.6.hook_resid_post` for resid_post.6; None for a site that has no such name."""
    kind, _, layer = site.partition(".")
    if kind == "embed":
        return "hook_embed"
    return f"blocks.{layer}.{_HOOKS[kind]}" if kind in _HOOKS and layer.isdigit() else None


def from_hook_name(hook: str | None) -> str:
    """resid_post.6 for `blocks.6.hook_resid_post`; `unknown` for a name that means no site of this house."""
    if hook == "hook_embed":
        return "embed"
    match = _HOOK.fullmatch(hook or "")
    return f"{_KINDS[match[2]]}.{match[1]}" if match and match[2] in _KINDS else UNKNOWN


def site_of_module(module: str) -> str:
    """resid_post.6 for the module `layers.6`, mlp_out.6 for `layers.6.mlp`, mlp_in.6 for `layers.6.mlp.input`: what a
    module gives out, unless its name ends with `.input`; as it is in models that norm what a sublayer reads."""
    return next(iter(sites_of_module(module)), UNKNOWN)


def sites_of_module(module: str, points: "Callable[[], BlockPoints | None]" = lambda: None) -> tuple[str, ...]:
    """The sites that a module means, more than one where they are the same tensor; none for a name that means no site.

    Args:
        module: As in `site_of_module`.
        points: Of the model's own blocks, asked for where a block is named; None where no family has its names.
    """
    if is_embedding(module):
        return ("embed",)
    match = _MODULE.fullmatch(module)
    if match is None:
        return ()
    layer, inner, end = match.groups()
    known = points()
    kinds = _kinds(inner, end) if known is None else _kinds_at(known, inner, end)
    return tuple(f"{kind}.{layer}" for kind in kinds)


def is_embedding(module: str) -> bool:
    """Whether a module's name is that of a token embedding."""
    return _EMBEDDING.fullmatch(module) is not None


def _kinds(inner: str, end: str | None) -> tuple[str, ...]:
    named = (sites for pattern, sites in _MODULES.items() if re.fullmatch(pattern, inner))
    kind = next(named, (None, None))[end != "input"]
    return (kind,) if kind else ()


def _kinds_at(points: "BlockPoints", inner: str, end: str | None) -> tuple[str, ...]:
    """A module can itself be called `output`, as that of BERT's attention is."""
    path = inner.removeprefix(".")
    called = points.get((f"{path}.{end}".removeprefix("."), "out"), ()) if end else ()
    found = called or points.get((path, "in" if end == "input" else "out"), ())
    return found or tuple(kind for kind in _kinds(inner, end) if kind in _OF_ATTENTION)


def layer_of(site: str) -> int | None:
    digits = site.rpartition(".")[2]
    return int(digits) if digits.isdigit() else None
