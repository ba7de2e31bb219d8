"""One plain torch hook that shows, or replaces, the value that passes a point."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from models.language_model.module_map import HookPoint

HookFunction = Callable[[Tensor], Tensor | None]
"""Is shown a value; what it returns, unless None, takes the value's place."""


def add_hook(module: nn.Module, point: HookPoint, see: HookFunction, *, first: bool = False) -> RemovableHandle:
    """Shows `see` every value that passes the point until the handle is removed; `first` puts it before others."""
    if point.overwritten:
        see = _copied(see)
    if point.scale != 1:
        see = _scaled(see, point.scale)
    if point.side == "out":
        return module.register_forward_hook(lambda _, __, output: _exit(output, see), prepend=first)
    enter = _enter_shared if point.shared else _enter
    return module.register_forward_pre_hook(
        lambda _, args, kwargs: enter(args, kwargs, see), prepend=first, with_kwargs=True
    )


def unflattened(see: HookFunction, n_rows: Callable[[], int]) -> HookFunction:
    """Shows rows and positions as two axes where they pass as one."""

    def see_rows(x_TD: Tensor) -> Tensor | None:
        new_BPD = see(x_TD.unflatten(0, (n_rows(), -1)))
        return None if new_BPD is None else new_BPD.flatten(0, 1)

    return see_rows


def _copied(see: HookFunction) -> HookFunction:
    """Neither what was shown nor what takes its place is written into later."""

    def see_copy(x: Tensor) -> Tensor | None:
        new = see(x.clone())
        return None if new is None else new.clone()

    return see_copy


def _scaled(see: HookFunction, scale: float) -> HookFunction:
    """What the edit leaves alone passes bit for bit: a product and a quotient would round it."""

    def see_multiple(x: Tensor) -> Tensor | None:
        shown = x * scale
        new = see(shown)
        if new is None:
            return None
        back = new / scale
        exact = torch.where(new == shown, x, back)
        return back + (exact - back).detach() if back.requires_grad else exact  # the gradient is that of the quotient

    return see_multiple


def _exit(output: Any, see: HookFunction) -> Any:
    """Attention returns a tuple, most other modules a tensor; what is put back has the same form."""
    if isinstance(output, Tensor):
        return see(output)
    if isinstance(output, dict):  # of the model itself
        new = see(output["logits"])
        if new is not None:
            output["logits"] = new
        return output
    new = see(output[0])
    return None if new is None else (new, *output[1:])


def _enter(
    args: tuple[Any, ...], kwargs: dict[str, Any], see: HookFunction
) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
    new = see(entering(args, kwargs))
    if new is None:
        return None
    return ((new, *args[1:]), kwargs) if args else (args, kwargs | {"hidden_states": new})


def _enter_shared(args: tuple[Any, ...], kwargs: dict[str, Any], see: HookFunction) -> None:
    """The block holds the same tensor as its residual, so it is written over in place; autograd follows such a copy."""
    x = entering(args, kwargs)
    new = see(x)
    if new is not None:
        x.copy_(new)


def entering(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The value that a module is given first."""
    return args[0] if args else kwargs.get("hidden_states")


def leaving(output: Any) -> Any:
    """The value that a module returns, or returns first."""
    return output[0] if isinstance(output, tuple) else output
