"""JSON Lines: an object a line."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from models.corpora.sources.cells import LONGEST_ROW, NOT_UTF8, TOO_LONG, Absent, cell_of

SUFFIXES = {".jsonl", ".ndjson"}
DECODES_ROWS = True
NO_OBJECT = Absent("no JSON object")


def cells(path: Path, name: str, column: str) -> Iterator[Any]:
    """The cells of a column, in order; a line without any character is no row."""
    with path.open("rb") as file:
        for line in _lines(file):
            if isinstance(line, Absent) or line.strip():
                yield cell_of(_row(line), column)


def _lines(file: BinaryIO) -> Iterator[bytes | Absent]:
    start = file.read(3)
    file.seek(3 if start == b"\xef\xbb\xbf" else 0)
    while line := file.readline(LONGEST_ROW):
        if len(line) == LONGEST_ROW and not line.endswith(b"\n"):
            while line and not line.endswith(b"\n"):
                line = file.readline(LONGEST_ROW)
            yield TOO_LONG
        else:
            yield line


def _row(line: bytes | Absent) -> Any:
    if isinstance(line, Absent):
        return line
    try:
        row = json.loads(line.decode())
    except UnicodeDecodeError:
        return NOT_UTF8
    except (ValueError, RecursionError):
        return NO_OBJECT
    return row if isinstance(row, dict) else NO_OBJECT
