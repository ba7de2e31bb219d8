"""JSON: an array of objects. Files that hold JSON Lines under this name are read as such."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from models.corpora.sources.cells import Absent, cell_of
from models.corpora.sources.row_formats import jsonl

SUFFIXES = {".json"}
DECODES_ROWS = False
LONGEST_FILE = 256 << 20
"""Bytes of an array, which is read whole, beyond which it is left out."""


def cells(path: Path, name: str, column: str) -> Iterator[Any]:
    """The cells of a column, in order; a file that holds no rows is one absent row that says so."""
    if _is_json_lines(path):
        yield from jsonl.cells(path, name, column)
        return
    if path.stat().st_size > LONGEST_FILE:
        yield Absent(f"a JSON array of more than {LONGEST_FILE >> 20} MiB (write it as JSONL)")
        return
    try:
        rows = json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError):
        yield Absent("no valid JSON")
        return
    if not isinstance(rows, list) or not any(isinstance(row, dict) for row in rows):
        yield Absent("JSON without rows")
        return
    for row in rows:
        yield cell_of(row, column) if isinstance(row, dict) else jsonl.NO_OBJECT


def _is_json_lines(path: Path) -> bool:
    """Whether the first line is an object by itself and others follow."""
    with path.open("rb") as file:
        first, second = file.readline(1 << 20), file.readline(1 << 20)
    try:
        return bool(second.strip()) and isinstance(json.loads(first.decode("utf-8-sig")), dict)
    except (ValueError, RecursionError):
        return False
