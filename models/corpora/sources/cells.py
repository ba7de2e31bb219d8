"""One rule for the cells of a column of text, in every format: text, a conversation or token ids; all else is left out.

A row is `Absent` where it cannot be read, with the reason.
"""

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.corpora.sources.base import missing_column

LONGEST_ROW = 16 << 20
"""Bytes of a row beyond which it is left out, so that memory does not grow with a line."""
LOOKED_AT = 100
"""Rows at the beginning of a file by which a missing column and a column of another type are recognised."""
Content = str | tuple[Mapping[str, Any], ...] | np.ndarray


@dataclass(frozen=True, slots=True)
class Absent:
    """A row without content: why, as `left out as …` says it."""

    reason: str
    columns: tuple[str, ...] = ()
    """The columns that it has, where it lacks the one of text."""
    holds: str = ""
    """The type that it holds in the place of text."""

    @classmethod
    def of_type(cls, holds: str) -> "Absent":
        return cls(f"no text but {holds}", holds=holds)


EMPTY = Absent("empty")
TOO_LONG = Absent(f"longer than {LONGEST_ROW >> 20} MiB")
NOT_UTF8 = Absent("not UTF-8")


def cell_of(row: Any, column: str) -> Any:
    """The cell of one row of a format whose rows are mappings."""
    if isinstance(row, Absent):
        return row
    return row[column] if column in row else Absent(f"rows without {column!r}", tuple(map(str, row)))


def content_of(cell: Any) -> Content | Absent:
    """What a cell holds for a model to read."""
    if isinstance(cell, Absent):
        return cell
    if cell is None:
        return EMPTY
    if isinstance(cell, str):
        return _text(cell)
    if isinstance(cell, list | tuple | np.ndarray):
        return _sequence(list(cell))
    return Absent.of_type(type(cell).__name__)


def contents(cells: Iterable[Any], where: str, column: str) -> Iterator[Content | Absent]:
    """The content of every row.

    Raises:
        ValueError: If the first rows have no such column, or hold something else than text in it.
    """
    iterator = iter(cells)
    first = [content_of(cell) for cell in itertools.islice(iterator, LOOKED_AT)]
    absent = [content for content in first if isinstance(content, Absent)]
    if first and len(absent) == len(first):
        columns = {name: None for content in absent for name in content.columns}
        if columns:
            raise missing_column(where, column, list(columns))
        if wrong := next((content.holds for content in absent if content.holds), None):
            raise ValueError(
                f"{where}: column {column!r} holds {wrong}, wanted text: name the one that holds it as "
                "corpus.text_column in the model card"
            )
    yield from first
    yield from map(content_of, iterator)


def _text(text: str) -> str | Absent:
    if not text.strip():
        return EMPTY
    try:
        text.encode()
    except UnicodeEncodeError:
        return Absent("no Unicode text (a lone surrogate)")
    return TOO_LONG if len(text) > LONGEST_ROW else text


def _sequence(items: list[Any]) -> Content | Absent:
    if not items:
        return EMPTY
    if all(isinstance(item, int | np.integer) and not isinstance(item, bool) for item in items):
        return _token_ids(items)
    messages = [_message(item) for item in items]
    if any(message is None for message in messages):
        kinds = sorted({type(item).__name__ for item in items})
        return Absent.of_type(f"list of {', '.join(kinds)}")
    if not any(str(message["content"]).strip() for message in messages if message):
        return EMPTY
    return tuple(message for message in messages if message is not None)


def _token_ids(items: list[int]) -> np.ndarray | Absent:
    if min(items) < 0 or max(items) >= 2**31:
        return Absent("token ids outside of 0 … 2^31")
    return np.array(items, dtype=np.int32)


def _message(item: Any) -> Mapping[str, Any] | None:
    """A message as chat templates take it, from either spelling that data sets have (`role`, `content` and `from`,
    `value`); None if it is none, or holds something else than text."""
    if not isinstance(item, Mapping):
        return None
    role, content = item.get("role", item.get("from")), item.get("content", item.get("value"))
    if isinstance(content, list) and all(isinstance(p, Mapping) and isinstance(p.get("text"), str) for p in content):
        content = "".join(part["text"] for part in content)
    if not isinstance(role, str) or not isinstance(content, str) or isinstance(_text(content + "."), Absent):
        return None
    rest = {key: value for key, value in item.items() if key not in ("from", "value") and value is not None}
    return rest | {"role": _ROLES.get(role, role), "content": content}


_ROLES = {"human": "user", "gpt": "assistant"}
