"""The dictionary of one block out of a folder that holds transcoders of several."""

import functools
import importlib
import pkgutil
from typing import Protocol, cast

import models.interchange.set_formats
from models.interchange.sae_import import ImportedDictionary
from storage.folder import Folder


class SetFormat(Protocol):
    """What every module of `models/interchange/set_formats` has."""

    FILES: tuple[str, ...]
    """Names that are fetched from a hub repository; `*` is allowed."""

    def recognises(self, folder: Folder) -> bool: ...

    def read(self, folder: Folder, block: int) -> ImportedDictionary: ...


@functools.cache
def set_formats() -> dict[str, SetFormat]:
    """Every format there is, by name."""
    package = models.interchange.set_formats
    names = sorted(module.name for module in pkgutil.iter_modules(package.__path__))
    return {name: cast(SetFormat, importlib.import_module(f"{package.__name__}.{name}")) for name in names}


def read_block(folder: Folder, block: int, format: str = "auto") -> ImportedDictionary | None:
    """The dictionary of a block; None where the folder holds one dictionary, if any, and not a set."""
    for name, module in set_formats().items():
        if format == name or (format == "auto" and module.recognises(folder)):
            return module.read(folder, block)
    return None
