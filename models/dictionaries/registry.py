"""Architectures by name: a new one is one more file in `models/dictionaries/architectures`."""

import importlib
import pkgutil

from models.dictionaries import architectures
from models.dictionaries.base import SparseDictionary


def architecture(name: str) -> type[SparseDictionary]:
    """The class whose architecture is so called.

    Raises:
        ValueError: If no file of `models/dictionaries/architectures` has it.
    """
    for module in pkgutil.iter_modules(architectures.__path__):
        for value in vars(importlib.import_module(f"{architectures.__name__}.{module.name}")).values():
            is_dictionary = isinstance(value, type) and issubclass(value, SparseDictionary)
            if is_dictionary and getattr(value, "architecture", None) == name:
                return value
    raise ValueError(
        f"architecture {name!r} is none that this code can train or read: choose one that a file of "
        "models/dictionaries/architectures has"
    )
