"""Answers to SQL, written for people (a table) or for programs (CSV, JSON, Parquet)."""

import json
import math
import re
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb

from sql.catalog import literal, quoted
from sql.sql_files import sql_files
from sql.warehouse import FEATURE_ACTIVATION, connect, tables_url
from storage.remote_errors import REMEDY, Unreachable
from storage.visible_text import visible

COPIED = {"csv": "csv, header", "json": "json, array true", "parquet": "parquet, compression zstd"}
"""Formats that DuckDB writes."""
FORMS = ("table", *COPIED)
NESTED = ("list", "array", "struct", "map")
NO_ROWS = "the query is empty or has no rows: write SQL such as `select * from sae_summary`"
WIDEST = 60
"""Characters of a table's cell."""

Row = Sequence[Any]


@dataclass(frozen=True, slots=True)
class QueryResult:
    """A query to a published file; it runs when it is written."""

    published: Path
    sql: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    allow_external: bool = False
    """Whether the query may read and write other files than the warehouse and its store's codes."""


def answer(
    published: Path, query: str, parameters: Mapping[str, Any] | None = None, *, allow_external: bool = False
) -> QueryResult:
    """What the published file says to a query, or to the question of that name in `sql/queries/`.

    Raises:
        ValueError: If the query is one word that no question is called, or holds what is no Unicode.
    """
    name, questions = query.strip(), {text.name: text.sql for text in sql_files("queries")}
    if name not in questions and re.fullmatch(r"\w+", name):
        nearest = "".join(f"; the nearest is {near}" for near in get_close_matches(name, questions, 1))
        raise ValueError(
            f"there is no query {visible(name, 60)}{nearest}. Write SQL such as `from sae_summary`, or one of: "
            f"{', '.join(questions)}"
        )
    if (unpaired := re.search("[\ud800-\udfff]", query)) is not None:
        raise ValueError(
            f"the query holds {unpaired[0]!r} at character {unpaired.start() + 1:,}, which is no Unicode: type it "
            "again, or set the terminal to UTF-8"
        )
    return QueryResult(published, questions.get(name, query), parameters or {}, allow_external)


def named_queries() -> str:
    """The questions of `sql/queries/`, for people: a name and what it answers a line."""
    texts = sql_files("queries")
    width = max(len(text.name) for text in texts)
    return "\n".join(f"{text.name.ljust(width)}  {text.title}" for text in texts)


def rows_of(published: Path, query: str, parameters: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
    """Every row of an answer, by the names of its columns; raises as `format_table`."""
    asked = answer(published, query, parameters)
    with connected(asked) as con:
        result = con.execute(asked.sql, dict(asked.parameters) or None)
        names = [column[0] for column in result.description]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def format_table(answer: QueryResult, most: int = 100) -> str:
    """A table for people: long cells cut, control characters escaped, so many rows at most.

    Raises:
        ValueError: With DuckDB's own words if the query is wrong.
    """
    with connected(answer) as con:
        result = con.execute(answer.sql, dict(answer.parameters) or None)
        if result is None:
            raise ValueError(NO_ROWS)
        names = [column[0] for column in result.description]
        return "\n".join(table_lines(names, result.fetchmany(most + 1), most))


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
    with TemporaryDirectory(prefix=".glasshouse-", dir=out.parent if out else None) as folder:
        file = Path(folder) / "answer"
        if form == "table":
            file.write_text(format_table(answer) + "\n", encoding="utf-8", errors="backslashreplace")
        else:
            _copy(answer, form, file)
        if out is not None:
            file.replace(out)
            return
        with file.open("rb") as written:
            shutil.copyfileobj(written, sys.stdout.buffer)
        sys.stdout.buffer.flush()


def _copy(answer: QueryResult, form: str, file: Path) -> None:
    """Has DuckDB write the rows of the query.

    A query that selects stands within the statement that writes; others (PIVOT, EXPLAIN, CALL, PRAGMA) cannot stand
    within one: their rows are kept first.
    """
    parameters = dict(answer.parameters) or None
    with connected(answer, file) as con:
        statement = _last_statement(con, answer.sql, form)
        selects = statement.type == duckdb.StatementType.SELECT
        query = f"({_without_end(statement.query)}\n)" if selects else statement.query
        rows = con.sql(f"from {query}" if selects else query, params=parameters)
        places = [f"c{place}" for place in range(len(rows.columns))]
        values = zip(places, rows.types, rows.columns, strict=True)
        written = ", ".join(f"{_text(place, of, form)} as {quoted(name)}" for place, of, name in values)
        copy = (
            f"copy (select {written} from {query if selects else 'answer'} as answer ({', '.join(places)})) to "
            f"{literal(str(file))} (format {COPIED[form]}, use_tmp_file false)"
        )
        if selects:
            con.execute(copy, parameters)
        else:
            rows.query("answer", copy)


def _last_statement(con: duckdb.DuckDBPyConnection, sql: str, form: str) -> duckdb.Statement:
    """The last statement; those before it are run.

    Raises:
        ValueError: If there is none, or it has no rows.
    """
    statements = con.extract_statements(sql)
    if not statements:
        raise ValueError(NO_ROWS)
    *earlier, last = statements
    for statement in earlier:
        con.execute(statement).fetchall()
    if duckdb.ExpectedResultType.QUERY_RESULT not in last.expected_result_type:
        con.execute(last).fetchall()
        raise ValueError(f"{NO_ROWS}; {form} is written of a query that has rows")
    return last


def _without_end(query: str) -> str:
    """A statement without the semicolon that ends it; DuckDB counts its tokens in bytes."""
    text = query.encode()
    ends = (offset for offset, _ in duckdb.tokenize(query) if text[offset : offset + 1] == b";")
    return text[: min(ends, default=len(text))].decode()


def _text(value: str, of: Any, form: str) -> str:
    """SQL for a value of a type: in CSV lists and structs are JSON, and JSON has null for what it has no number for."""
    if form == "json":
        return _finite(value, of)
    return f"to_json({_finite(value, of)})" if form == "csv" and of.id in NESTED else value


def _finite(value: str, of: Any) -> str:
    """SQL for a value of a type, with null in the place of each number that is not finite."""
    if of.id in ("float", "double"):
        return f"case when isfinite({value}) then {value} end"
    if of.id in ("list", "array"):
        item = f"item_{len(value)}"
        return f"list_transform({value}, lambda {item}: {_finite(item, of.children[0][1])})"
    if of.id == "map":
        values = _finite(f"map_values({value})", duckdb.list_type(of.children[1][1]))
        return f"map(map_keys({value}), {values})"
    if of.id == "struct":
        parts = (f"{quoted(name)} := {_finite(f'{value}.{quoted(name)}', part)}" for name, part in of.children)
        return f"case when {value} is not null then struct_pack({', '.join(parts)}) end"
    return value


@contextmanager
def connected(
    answer: QueryResult, writable: Path | None = None, memory: str | None = None
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection on which the query cannot open what is closed; DuckDB's own words for what is wrong with it.

    Args:
        writable: One file that the query may write.
        memory: What DuckDB may hold, such as 1GB.
    """
    try:
        with closing(connect(answer.published, allow_external=answer.allow_external, writable=writable)) as con:
            if memory is not None:
                con.execute(f"set memory_limit = {literal(memory)}")
            if not answer.allow_external:
                con.execute("set lock_configuration = true")
            yield con
    except duckdb.PermissionException as error:
        if answer.allow_external:
            raise ValueError(str(error)) from error
        raise ValueError(
            f"{error}\nQueries read the warehouse and the codes of its store only, since a warehouse may be somebody "
            "else's: if you know what the query and the warehouse's views read, say --allow-external"
        ) from error
    except duckdb.Error as error:
        if (met := _met_in_python(str(error))) is not None:
            raise Unreachable(f"the codes in the store cannot be read ({met}): {REMEDY}", may_pass=False) from error
        if isinstance(error, duckdb.IOException):
            raise ValueError(_missing_codes(answer.published, str(error)) or str(error)) from error
        raise ValueError(f"{error}\n`show tables` lists what there is, docs/warehouse.md explains it") from error


def _met_in_python(message: str) -> str | None:
    """What the store's filesystem met, which is Python's; None where DuckDB itself speaks. DuckDB 2 gives a traceback,
    before it the error comes first and its places after "At:"."""
    if "Traceback (most recent call last)" in message:
        return message.strip().splitlines()[-1]
    error, at, places = message.partition("\n\nAt:\n")
    return error.splitlines()[0] if at and "): " in places else None


def _missing_codes(published: Path, message: str) -> str | None:
    """What to do where the codes, which stay in the store, are not where they lay when the file was published."""
    with closing(connect(published)) as con:
        url = tables_url(con)
    if f"{url}/{FEATURE_ACTIVATION}" not in message:
        return None
    return (
        f"`{FEATURE_ACTIVATION}` reads the store's files, and they are no longer as they lay under {url} when "
        f"{published} was published ({message.splitlines()[0]}): the store was moved, is not mounted or has changed "
        "since. Set GLASSHOUSE_HOME to where it lies now and publish again (glasshouse publish)"
    )


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


def table_lines(names: Sequence[str], rows: Sequence[Row], most: int) -> Iterator[str]:
    """A table as `format_table` makes it, of rows that are there: a line a row, however wide."""
    shown, more = rows[:most], len(rows) > most
    cells = [[_cell(name) for name in names], *([_cell(value) for value in row] for row in shown)]
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
    return visible(text, WIDEST)
