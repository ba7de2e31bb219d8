"""Sections that methods bring to the recipe card: each a class in a file `models/**/*_config.py`."""

import importlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from pydantic import BaseModel, create_model

import models
from models.config_base import MethodSettings


@cache
def method_sections() -> dict[str, type[MethodSettings]]:
    """Every section there is, by its key: a new one is one more file.

    Raises:
        TypeError: If two sections have one key, or a setting has no default.
    """
    found: dict[str, type[MethodSettings]] = {}
    for module in _config_modules():
        for value in vars(module).values():
            if not isinstance(value, type) or not issubclass(value, MethodSettings) or value is MethodSettings:
                continue
            if found.setdefault(value.section, value) is not value:
                raise TypeError(f"{module.__name__} brings a second section {value.section!r}: give it another key")
            if required := [name for name, field in value.model_fields.items() if field.is_required()]:
                raise TypeError(
                    f"{module.__name__}: {', '.join(required)} has no default, and recipes that do not name the "
                    f"section {value.section!r} need one: give it"
                )
    return found


def with_method_sections(name: str, core: type[BaseModel]) -> type[BaseModel]:
    """A card that has every section besides what the core has.

    Raises:
        TypeError: If a section has the key of a field of the core.
    """
    sections: dict[str, Any] = {key: (kind, kind()) for key, kind in method_sections().items()}
    if taken := sorted(sections.keys() & core.model_fields.keys()):
        raise TypeError(f"methods bring sections {', '.join(taken)}, which every card has: give them other keys")
    return create_model(name, __base__=core, __module__=core.__module__, __doc__=core.__doc__, **sections)


def _config_modules() -> Iterator[ModuleType]:
    """The modules `*_config` of `models`, none of which loads a heavy library."""
    for root in map(Path, models.__path__):
        for file in sorted(root.rglob("*_config.py")):
            yield importlib.import_module(".".join(["models", *file.relative_to(root).with_suffix("").parts]))
