"""JSON: an array of objects, read row by row. Files that hold JSON Lines under this name are read as such."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from models.corpora.sources.cells import LONGEST_ROW, Absent, cell_of
from models.corpora.sources.row_formats import jsonl

SUFFIXES = {".json"}
DECODES_ROWS = False
BLOCK = 1 << 20
"""Characters that are read at once."""
_SPACE = re.compile(r"[ \t\n\r]*")
_DECODER = json.JSONDecoder()


class NoRows(ValueError):
    """A file holds no array of rows that can be read; the message says what it is."""


def cells(path: Path, name: str, column: str) -> Iterator[Any]:
    """The cells of a column, in order; a file that holds no rows is one absent row that says so.

    The file is read twice: an array that breaks off is left out whole.
    """
    if _is_json_lines(path):
        yield from jsonl.cells(path, name, column)
        return
    try:
        if not sum(isinstance(value, dict) for value in _values(path)):
            raise NoRows("JSON without rows")
    except NoRows as error:
        yield Absent(str(error))
        return
    for value in _values(path):
        yield cell_of(value, column) if isinstance(value, dict) else jsonl.NO_OBJECT


def _values(path: Path) -> Iterator[Any]:
    """The values of an array, one after the other.

    Raises:
        NoRows: If the file holds something else, a row that is too long, or is no JSON.
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        text = _Text(file)
        if (first := text.next_character()) != "[":
            raise NoRows("JSON without rows" if first and first in '{"-0123456789tfn' else "no valid JSON")
        text.at += 1
        if text.next_character() == "]":
            return
        while True:
            yield text.next_value()
            mark = text.next_character()
            text.at += 1
            if mark == "]":
                break
            if mark != ",":
                raise NoRows("no valid JSON")
        if text.next_character():
            raise NoRows("no valid JSON")


class _Text:
    """A file's text from a place on, of which as much is held as one value needs."""

    def __init__(self, file: TextIO) -> None:
        self._file, self._held, self.at = file, "", 0

    def next_character(self) -> str:
        """The next one that is no space; empty at the end."""
        while True:
            self.at = _end_of_space(self._held, self.at)
            if self.at < len(self._held) or not self._more():
                return self._held[self.at : self.at + 1]

    def next_value(self) -> Any:
        """The value that begins here, and what ends it must be in sight: 12 may be the beginning of 123."""
        self.next_character()
        while True:
            try:
                value, end = _DECODER.raw_decode(self._held, self.at)
                if _end_of_space(self._held, end) < len(self._held):
                    self.at = end
                    return value
            except RecursionError:
                raise NoRows("no valid JSON") from None
            except ValueError:
                pass
            if len(self._held) - self.at > 4 * LONGEST_ROW:
                raise NoRows(f"a JSON row of more than {4 * LONGEST_ROW >> 20} MiB, or no valid JSON")
            if not self._more():
                raise NoRows("no valid JSON")

    def _more(self) -> bool:
        """Reads on, more for a longer row, so that none is looked at more than a few times."""
        rest = self._held[self.at :]
        more = self._file.read(max(BLOCK, len(rest)))
        self._held, self.at = rest + more, 0
        return bool(more)


def _end_of_space(text: str, start: int) -> int:
    space = _SPACE.match(text, start)
    assert space is not None, "no space is space too"
    return space.end()


def _is_json_lines(path: Path) -> bool:
    """Whether the first line is an object by itself and others follow."""
    with path.open("rb") as file:
        first, second = file.readline(1 << 20), file.readline(1 << 20)
    try:
        return bool(second.strip()) and isinstance(json.loads(first.decode("utf-8-sig")), dict)
    except (ValueError, RecursionError):
        return False
