"""Answers to SQL, written for people (a table) or for programs (CSV, JSON, Parquet)."""

import csv
import io
import json
import math
import shutil
import sys
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO

import duckdb

from sql.sql_files import sql_files
from sql.warehouse import connect

FORMS = ("table", "csv", "json", "parquet")
WIDEST = 60
"""Characters of a table's cell."""

Row = Sequence[Any]


@dataclass(frozen=True, slots=True)
class QueryResult:
    """A query to a published file; it runs when it is written."""

    published: Path
    sql: str
    parameters: Mapping[str, Any] = field(default_factory=dict)


def answer(published: Path, query: str, parameters: Mapping[str, Any] | None = None) -> QueryResult:
    """What the published file says to a query, or to the question of that name in `sql/queries/`."""
    questions = {text.name: text.sql for text in sql_files("queries")}
    return QueryResult(published, questions.get(query.strip(), query), parameters or {})


def rows_of(published: Path, query: str, parameters: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
    """Every row of an answer, by the names of its columns; raises as `format_table`."""
    with _asked(answer(published, query, parameters)) as (names, rows):
        return [dict(zip(names, row, strict=True)) for row in rows]


def format_table(answer: QueryResult, most: int = 100) -> str:
    """A table for people: long cells cut, control characters escaped, so many rows at most.

    Raises:
        ValueError: With DuckDB's own words if the query is wrong.
    """
    with _asked(answer) as (names, rows):
        return "\n".join(_table(names, rows, most))


def write(answer: QueryResult, form: str = "table", out: Path | None = None) -> None:
    """Writes an answer to a file, whole or not at all, or to standard output.

    Args:
        answer: Of `answer`.
        form: `table` is for people; `csv`, `json` and `parquet` hold every row and value whole.
        out: The file; standard output where it is None.

    Raises:
        ValueError: If there is no such form, or with DuckDB's own words if the query is wrong.
    """
    if form not in FORMS:
        raise ValueError(f"the format {form!r} is not known: choose one of {', '.join(FORMS)}")
    if out is None:
        _write(answer, form, sys.stdout.buffer)
        sys.stdout.buffer.flush()
        return
    temporary = out.with_name(f".tmp-{uuid.uuid4().hex}-{out.name}")
    try:
        with temporary.open("wb") as stream:
            _write(answer, form, stream)
        temporary.replace(out)
    finally:
        temporary.unlink(missing_ok=True)


def _write(answer: QueryResult, form: str, stream: BinaryIO) -> None:
    if form == "parquet":
        _write_parquet(answer, stream)
        return
    with _asked(answer) as (names, rows):
        lines = {
            "table": lambda: _table(names, rows, 100),
            "csv": lambda: _csv(names, rows),
            "json": lambda: _json(names, rows),
        }
        stream.writelines(line.encode("utf-8", errors="backslashreplace") + b"\n" for line in lines[form]())


@contextmanager
def _asked(answer: QueryResult) -> Iterator[tuple[list[str], Iterator[Row]]]:
    """Names of the columns, and the rows, read as they are asked for."""
    with _explaining(), closing(connect(answer.published)) as con:
        result = con.execute(answer.sql, dict(answer.parameters) or None)
        if result is None:
            raise ValueError("the query is empty: write SQL such as `select * from sae_summary`")
        names = [column[0] for column in result.description]
        yield names, (row for rows in iter(lambda: result.fetchmany(10_000), []) for row in rows)


def _write_parquet(answer: QueryResult, stream: BinaryIO) -> None:
    with _explaining(), closing(connect(answer.published)) as con, TemporaryDirectory(prefix="glasshouse-") as folder:
        relation = con.sql(answer.sql, params=dict(answer.parameters) or None)
        if relation is None:
            raise ValueError(f"{answer.sql!r} has no rows to write: a Parquet file is made of a SELECT")
        file = Path(folder) / "answer.parquet"
        relation.write_parquet(str(file), compression="zstd")
        with file.open("rb") as written:
            shutil.copyfileobj(written, stream)


@contextmanager
def _explaining() -> Iterator[None]:
    try:
        yield
    except duckdb.Error as error:
        raise ValueError(f"{error}\n`show tables` lists what there is, docs/warehouse.md explains it") from error


def _csv(names: list[str], rows: Iterable[Row]) -> Iterator[str]:
    """Null is an empty field; lists and structs are JSON."""
    yield _csv_line(names)
    for row in rows:
        yield _csv_line([_as_json(v) if isinstance(v, list | dict) else v for v in row])


def _csv_line(row: Row) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(row)
    return line.getvalue()


def _json(names: list[str], rows: Iterable[Row]) -> Iterator[str]:
    """An array of one object a row; numbers that JSON has no word for (NaN, infinity) are null."""
    opening = "["
    for row in rows:
        yield opening + _as_json(dict(zip(names, row, strict=True)))
        opening = ","
    yield "]" if opening == "," else "[]"


def _as_json(value: Any) -> str:
    return json.dumps(_plain(value), ensure_ascii=False, default=str)


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    return value


def _table(names: list[str], rows: Iterator[Row], most: int) -> Iterator[str]:
    shown = list(islice(rows, most))
    more = next(rows, None) is not None
    cells = [names, *([_cell(value) for value in row] for row in shown)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(names))]
    right = [any(_is_number(row[column]) for row in shown) for column in range(len(names))]
    head, *body = [
        "  ".join(_aligned(*cell) for cell in zip(line, widths, right, strict=True)).rstrip() for line in cells
    ]
    yield head
    yield "  ".join("─" * width for width in widths)
    yield from body
    yield f"({'the first ' if more else ''}{len(shown)} row{'' if len(shown) == 1 else 's'})"


def _aligned(cell: str, width: int, right: bool) -> str:
    return cell.rjust(width) if right else cell.ljust(width)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _cell(value: Any) -> str:
    """Text of a corpus is shown, never sent to the terminal as commands."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.4g}"
    text = _as_json(value) if isinstance(value, list | dict) else str(value)
    visible = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text[: WIDEST + 1])
    return visible if len(visible) <= WIDEST else visible[: WIDEST - 1] + "…"
