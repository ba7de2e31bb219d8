"""Commands that try a method of experiments on one prompt: each file's function of the file's name is one."""

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from typing import Any


def intervention_commands() -> Iterator[tuple[str, Callable[..., Any]]]:
    """Name and function of every command: a new one is one more file."""
    for module in pkgutil.iter_modules(__path__):
        yield module.name, getattr(importlib.import_module(f"{__name__}.{module.name}"), module.name)
