"""A module map read off the arithmetic of one pass, for models whose parts have names of their own.

A block adds to the stream what attention and what the MLP says: `mid = pre + a·s`, `post = mid + b·t`, or, where both
read the same stream, `post = pre + a + b`. Which modules say a and b is found by trying the values that leave them; the
self-test then holds the map to more than what it was found by.

B rows of a batch, P positions, D width of the stream.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import torch
from torch import Tensor, nn

from models.language_model.hooks import entering, leaving
from models.language_model.module_map import STREAM, HookPoint, ModuleMap, text_model, unknown
from models.language_model.rounding import equal_up_to_rounding


@dataclass(frozen=True, slots=True)
class _Value:
    """What entered or left a module, in the order of time."""

    module: nn.Module
    point: HookPoint
    x: Tensor
    time: int
    passing: Tensor
    """The tensor itself, which the model may have written into since."""

    def as_point(self, **more: Any) -> HookPoint:
        return replace(self.point, overwritten=not torch.equal(self.passing, self.x), **more)

    @property
    def projects(self) -> bool:
        """Whether the module is one linear map."""
        weight = getattr(self.module, "weight", None)
        return isinstance(weight, Tensor) and weight.ndim == 2 and not any(self.module.children())

    @property
    def depth(self) -> int:
        return self.point.path.count(".")


@torch.no_grad()
def map_by_arithmetic(model: Any, token_ids_BP: Tensor) -> ModuleMap:
    """Finds the parts of a causal model in one pass.

    Raises:
        UnknownArchitecture: If a block's output is not the sum of its input and of what two of its modules say.
    """
    name, base = type(model).__name__, text_model(model)
    blocks = _blocks(base)
    if blocks is None:
        raise unknown(name, "it has no list of blocks")
    with ExitStack() as hooks:
        passed = [_recorded(block.named_modules(), token_ids_BP, hooks) for block in blocks]
        outside = _recorded(_outside(base, blocks), token_ids_BP, hooks)
        model(input_ids=token_ids_BP, attention_mask=torch.ones_like(token_ids_BP))
    points = []
    for layer, values in enumerate(passed):
        if not all(value.x.isfinite().all() for value in values if not value.point.path):
            raise unknown(name, f"block {layer} says NaN or infinity, of which no sum can be told")
        found = _points(values)
        if found is None:
            raise unknown(name, f"block {layer} is not the sum of its input and of what two of its modules say")
        points.append(found | STREAM)
    return ModuleMap(
        model,
        "what the arithmetic of its blocks says",
        model.get_input_embeddings(),
        blocks,
        _final_norm(outside, passed[-1]),
        points,
    )


def _blocks(base: nn.Module) -> nn.ModuleList | None:
    """The outermost list of modules, the longest of them where there are several."""
    lists = [(path.count("."), part) for path, part in base.named_modules() if isinstance(part, nn.ModuleList)]
    deep = [(depth, part) for depth, part in lists if len(part) and all(any(block.children()) for block in part)]
    return min(deep, key=lambda entry: (entry[0], -len(entry[1])))[1] if deep else None


def _outside(base: nn.Module, blocks: nn.ModuleList) -> Iterator[tuple[str, nn.Module]]:
    """The parts of a model that are in no block, by their paths."""
    inner = {part for block in blocks for part in block.modules()}
    return ((path, part) for path, part in base.named_modules() if part not in inner)


def _recorded(parts: Iterable[tuple[str, nn.Module]], token_ids_BP: Tensor, hooks: ExitStack) -> list[_Value]:
    """Fills with every value of three axes that enters or leaves the parts during the pass."""
    values: list[_Value] = []

    def keep(module: nn.Module, point: HookPoint, x: Any) -> None:
        n_tokens = token_ids_BP.numel()
        flat = isinstance(x, Tensor) and x.ndim == 2 and len(x) == n_tokens
        if isinstance(x, Tensor) and (flat or x.ndim == 3):
            seen = x.unflatten(0, token_ids_BP.shape) if flat else x
            values.append(_Value(module, replace(point, flat=flat), seen.clone(), len(values), seen))

    for path, part in parts:
        if isinstance(part, (nn.ModuleList, nn.Dropout, nn.Identity)):  # what leaves these is what entered
            continue

        def enter(module: nn.Module, args: Any, kwargs: Any, path: str = path) -> None:
            keep(module, HookPoint(path, "in"), entering(args, kwargs))

        def leave(module: nn.Module, _: Any, output: Any, path: str = path) -> None:
            keep(module, HookPoint(path, "out"), leaving(output))

        hooks.callback(part.register_forward_pre_hook(enter, with_kwargs=True).remove)
        hooks.callback(part.register_forward_hook(leave).remove)
    return values


def _points(values: Sequence[_Value]) -> dict[str, HookPoint] | None:
    """Where a block's sites are, its stream aside; None if its output is no such sum."""
    inside = [value for value in values if value.point.path]
    whole = [value for value in values if not value.point.path]
    if len(whole) != 2 or whole[0].x.shape != whole[1].x.shape:
        return None
    pre, post = whole
    outs = [value for value in inside if value.point.side == "out" and value.x.shape == pre.x.shape]
    outs.sort(key=lambda value: (-value.time, value.depth))
    parts = next(_in_sequence(pre, post, inside, outs), None) or next(_side_by_side(pre, post, outs), None)
    if parts is None:
        return None
    (attn, attn_scale), mid, (mlp, mlp_scale) = parts
    read = _reader(inside, mid or pre, within=None if mid else mlp)
    if read is None:
        return None
    points = {
        "attn_out": attn.as_point(scale=attn_scale),
        "mlp_out": mlp.as_point(scale=mlp_scale),
        "mlp_in": read.as_point(),
    }
    first = next(
        (v for v in inside if v.point.side == "in" and v.x.shape == pre.x.shape and torch.equal(v.x, pre.x)), None
    )
    attn_read = first and _reader(inside, first, within=None)
    if attn_read is not None:
        points["attn_in"] = attn_read.as_point()
    if mid is not None:
        points["resid_mid"] = replace(mid.point, shared=True)
    down = _down_projection(inside, read, mlp)
    if down is not None:
        points["mlp_act"] = down
    return points


_Parts = tuple[tuple[_Value, float], _Value | None, tuple[_Value, float]]


def _in_sequence(pre: _Value, post: _Value, inside: Sequence[_Value], outs: Sequence[_Value]) -> Iterator[_Parts]:
    for mid in inside:
        if mid.point.side == "in" and mid.x.shape == pre.x.shape and not torch.equal(mid.x, pre.x):
            first = _added(pre.x, mid.x, [out for out in outs if out.time < mid.time])
            second = _added(mid.x, post.x, [out for out in outs if out.time > mid.time]) if first else None
            if first and second:
                yield first, mid, second


def _side_by_side(pre: _Value, post: _Value, outs: Sequence[_Value]) -> Iterator[_Parts]:
    for mlp, attn in combinations(outs, 2):
        if mlp.point.path.split(".")[0] != attn.point.path.split(".")[0] and equal_up_to_rounding(
            pre.x + attn.x + mlp.x, post.x
        ):
            yield (attn, 1.0), None, (mlp, 1.0)


def _added(before: Tensor, after: Tensor, outs: Sequence[_Value]) -> tuple[_Value, float] | None:
    """The value, and the multiple of it, that lies between two states of the stream; 1 is tried first."""
    difference = after - before
    for out in outs:
        if equal_up_to_rounding(before + out.x, after):
            return out, 1.0
    for out in outs:
        scale = float((difference * out.x).sum() / out.x.square().sum())
        if abs(scale) > 1e-3 and equal_up_to_rounding(before + scale * out.x, after):
            return out, round(scale, 6) if equal_up_to_rounding(before + round(scale, 6) * out.x, after) else scale
    return None


def _reader(inside: Sequence[_Value], stream: _Value, within: _Value | None) -> _Value | None:
    """The entry of the MLP: behind the norm that reads the stream, or, where none does, what reads the stream itself.

    Args:
        inside: What passed in the block.
        stream: What is read.
        within: A value that leaves a part of the MLP, where the stream has other readers.
    """
    if within is not None:
        top = within.point.path.split(".")[0]
        return next((v for v in inside if v.point.side == "in" and v.point.path.split(".")[0] == top), None)
    norm_out = next((v for v in inside if (v.point.path, v.point.side) == (stream.point.path, "out")), None)
    if norm_out is None or stream.projects or any(stream.module.children()):
        return stream
    readers = [v for v in inside if v.point.side == "in" and v.time > norm_out.time and torch.equal(v.x, norm_out.x)]
    return readers[0] if readers else None


def _down_projection(inside: Sequence[_Value], read: _Value, mlp: _Value) -> HookPoint | None:
    """The one linear map whose output is the MLP's, before a norm where the MLP's output is normed."""
    ends = [mlp.x, *(v.x for v in inside if (v.point.path, v.point.side) == (mlp.point.path, "in"))]
    for value in inside:
        ended = value.point.side == "out" and value.time > read.time and value.projects
        if ended and any(value.x.shape == end.shape and torch.equal(value.x, end) for end in ends):
            entered = [v for v in inside if (v.point.path, v.point.side) == (value.point.path, "in")]
            return entered[0].as_point() if entered and entered[0].x.shape[:2] == read.x.shape[:2] else None
    return None


def _final_norm(outside: Sequence[_Value], last: Sequence[_Value]) -> nn.Module | None:
    """What reads the stream that leaves the last block, outside of all blocks."""
    post = next(value for value in last if not value.point.path and value.point.side == "out")
    entries = (value for value in outside if value.point.side == "in" and value.point.path)
    return next((v.module for v in entries if v.x.shape == post.x.shape and torch.equal(v.x, post.x)), None)
