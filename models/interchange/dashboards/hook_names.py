"""Sites by the names that TransformerLens has for them, which other tools use too."""

import re

from models.interchange.dashboards.dump import UNKNOWN

_HOOKS = {
    "resid_pre": "hook_resid_pre",
    "resid_mid": "hook_resid_mid",
    "resid_post": "hook_resid_post",
    "attn_out": "hook_attn_out",
    "mlp_in": "ln2.hook_normalized",
    "mlp_act": "mlp.hook_post",
    "mlp_out": "hook_mlp_out",
}
_KINDS = {hook: kind for kind, hook in _HOOKS.items()}
_HOOK = re.compile(r"blocks\.(\d+)\.([\w.]+)")
D_MODEL_KINDS = {"resid_pre", "resid_mid", "resid_post", "attn_out", "mlp_in", "mlp_out", "embed"}


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
    """resid_post.6 for the module `layers.6`, mlp_out.6 for `layers.6.mlp`: what such a module gives out."""
    match = re.fullmatch(r"(?:[\w-]+\.)*(?:layers|h|blocks)\.(\d+)(\.mlp)?", module)
    return UNKNOWN if match is None else f"{'mlp_out' if match[2] else 'resid_post'}.{match[1]}"


def layer_of(site: str) -> int | None:
    digits = site.rpartition(".")[2]
    return int(digits) if digits.isdigit() else None
