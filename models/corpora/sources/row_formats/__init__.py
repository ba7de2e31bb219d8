"""Formats of rows, one a file, found by looking.

A format has `SUFFIXES`, the files that it reads; `cells(path, name, column)`, the cell of every row in order (`Absent`
for one that cannot be read); and `DECODES_ROWS`, whether a row that is not UTF-8 is absent by itself: a file of the
other formats is left out whole.
"""

import importlib
import pkgutil
from functools import cache
from types import ModuleType


@cache
def format_of(suffix: str) -> ModuleType | None:
    """The format that reads files of a suffix such as `.jsonl`; None where there is none."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    formats = [importlib.import_module(f"{__name__}.{name}") for name in names]
    return next((each for each in formats if suffix in each.SUFFIXES), None)
