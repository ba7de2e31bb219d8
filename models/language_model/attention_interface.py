"""Attention as one registered function, in which queries, keys, values, patterns and head outputs are seen or replaced.

transformers asks a registry for the function that computes attention. The one registered here runs the family's own
eager function, so soft caps, sinks and grouped heads are as the family has them, and shows what goes in and out of it.
It is switched on only while somebody looks: fused attention, which differs by rounding, is used otherwise.

B rows, P query positions, K key positions, H heads, D all heads' widths side by side.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.masking_utils import eager_mask

from models.language_model.hooks import HookFunction

NAME = "glasshouse"
ATTENTION_KINDS = ("q", "k", "v", "attn_pattern", "z")

_HOOKS: dict[int, list[tuple[str, HookFunction]]] = {}
"""By the id of an attention module: the kinds of site that are seen there, in the order of seeing."""

_REPLACED: dict[int, "_ReplacedAttention"] = {}
"""By the id of a model whose attention somebody sees."""


@dataclass(slots=True)
class _ReplacedAttention:
    """The attention that a model had before anybody saw it, and how many see it now."""

    before: str
    n_open: int = 0


@contextmanager
def attention_hooks(
    model: Any, block: nn.Module, kind: str, see: HookFunction, *, first: bool = False
) -> Iterator[None]:
    """Shows `see` a block's queries, keys, values (B, P, D), pattern (B, H, P, K) or head outputs z (B, P, D)."""
    entry, keys = (kind, see), [id(part) for part in block.modules()]
    with _replaced_attention(model):
        for key in keys:
            _HOOKS.setdefault(key, []).insert(0 if first else len(_HOOKS[key]), entry)
        try:
            yield
        finally:
            for key in keys:
                _HOOKS[key].remove(entry)
                if not _HOOKS[key]:
                    del _HOOKS[key]


@contextmanager
def _replaced_attention(model: Any) -> Iterator[None]:
    """The first of those who see a model's attention replaces it, and the last, whichever that is, puts it back."""
    if id(model) not in _REPLACED:
        before = model.config._attn_implementation
        model.set_attn_implementation(NAME)
        _REPLACED[id(model)] = _ReplacedAttention(before)
    replaced = _REPLACED[id(model)]
    replaced.n_open += 1
    try:
        yield
    finally:
        replaced.n_open -= 1
        if replaced.n_open == 0:
            del _REPLACED[id(model)]
            model.set_attn_implementation(replaced.before)


def is_supported(model: Any) -> bool:
    """Whether the model's code asks the registry, and has an eager function of its own."""
    return bool(getattr(model, "_supports_attention_backend", False)) and hasattr(
        sys.modules[type(model).__module__], "eager_attention_forward"
    )


def pattern_times_value(pattern_BHPK: Tensor, value_BHKd: Tensor) -> Tensor:
    """The heads' outputs (B, P, H, d); heads of queries share the values of their group."""
    n_groups = pattern_BHPK.shape[1] // value_BHKd.shape[1]
    return (pattern_BHPK @ value_BHKd.repeat_interleave(n_groups, dim=1)).transpose(1, 2).contiguous()


def _attention(
    module: nn.Module, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None, **options: Any
) -> tuple[Tensor, Tensor | None]:
    eager = sys.modules[type(module).__module__].eager_attention_forward  # type: ignore[attr-defined]
    seen: dict[str, list[HookFunction]] = {}
    for kind, see in _HOOKS.get(id(module), []):
        seen.setdefault(kind, []).append(see)
    query, key, value = (_by_token(seen, kind, x) for kind, x in zip("qkv", (query, key, value), strict=True))
    z_BPHd, pattern_BHPK = eager(module, query, key, value, attention_mask, **options)
    shown = _seen(seen, "attn_pattern", pattern_BHPK)
    if shown is not pattern_BHPK:
        z_BPHd = pattern_times_value(shown, value)
    z_BPD = _seen(seen, "z", z_BPHd.flatten(2))
    return z_BPD.unflatten(-1, z_BPHd.shape[2:]), shown


def _by_token(seen: Mapping[str, Sequence[HookFunction]], kind: str, x_BHPd: Tensor) -> Tensor:
    if kind not in seen:
        return x_BHPd
    return _seen(seen, kind, x_BHPd.transpose(1, 2).flatten(2)).unflatten(-1, (x_BHPd.shape[1], -1)).transpose(1, 2)


def _seen(seen: Mapping[str, Sequence[HookFunction]], kind: str, x: Tensor) -> Tensor:
    for see in seen.get(kind, ()):
        new = see(x)
        x = x if new is None else new
    return x


AttentionInterface.register(NAME, _attention)
AttentionMaskInterface.register(NAME, eager_mask)
