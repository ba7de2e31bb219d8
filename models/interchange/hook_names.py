"""Sites by the names that other libraries have for them: TransformerLens's hooks, modules of Hugging Face models."""

import re

from models.interchange.dashboards.dump import UNKNOWN

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
_MODULE = re.compile(r"(?:[\w-]+\.)*(?:layers|layer|h|blocks)\.(\d+)((?:\.[a-z]\w*?)*?)(?:\.(input|output))?")


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
    module gives out, unless its name ends with `.input`."""
    match = _MODULE.fullmatch(module)
    if match is None:
        return UNKNOWN
    layer, inner, end = match.groups()
    named = (sites for pattern, sites in _MODULES.items() if re.fullmatch(pattern, inner))
    kind = next(named, (None, None))[end != "input"]
    return f"{kind}.{layer}" if kind else UNKNOWN


def layer_of(site: str) -> int | None:
    digits = site.rpartition(".")[2]
    return int(digits) if digits.isdigit() else None
