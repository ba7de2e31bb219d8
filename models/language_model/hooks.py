"""One plain torch hook that shows, or replaces, the value that passes a tap."""

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from models.language_model.module_map import HookPoint

HookFunction = Callable[[Tensor], Tensor | None]
"""Is shown a value; what it returns, unless None, takes the value's place."""


def add_hook(module: nn.Module, tap: HookPoint, see: HookFunction, *, first: bool = False) -> RemovableHandle:
    """Shows `see` every value that passes the tap until the handle is removed; `first` puts it before earlier hooks."""
    if tap.side == "out":
        return module.register_forward_hook(lambda _, __, output: _exit(output, see), prepend=first)
    enter = _enter_shared if tap.shared else _enter
    return module.register_forward_pre_hook(
        lambda _, args, kwargs: enter(args, kwargs, see), prepend=first, with_kwargs=True
    )


def _exit(output: Any, see: HookFunction) -> Any:
    """Attention returns a tuple, most other modules a tensor; what is put back has the same form."""
    if isinstance(output, Tensor):
        return see(output)
    new = see(output[0])
    return None if new is None else (new, *output[1:])


def _enter(
    args: tuple[Any, ...], kwargs: dict[str, Any], see: HookFunction
) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
    new = see(_entering(args, kwargs))
    if new is None:
        return None
    return ((new, *args[1:]), kwargs) if args else (args, kwargs | {"hidden_states": new})


def _enter_shared(args: tuple[Any, ...], kwargs: dict[str, Any], see: HookFunction) -> None:
    """The block holds the same tensor as its residual, so it is written over in place; autograd follows such a copy."""
    x = _entering(args, kwargs)
    new = see(x)
    if new is not None:
        x.copy_(new)


def _entering(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor:
    return args[0] if args else kwargs["hidden_states"]
