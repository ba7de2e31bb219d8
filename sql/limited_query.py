"""A query of somebody who may ask anything: read-only, so many rows and so long at most."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Timer
from typing import Any

import duckdb

from sql.query_output import NO_ROWS, answer, connected

MEMORY = "1GB"
SECONDS = 20.0


class SlowQuery(ValueError):
    """The query took longer than it may."""


@dataclass(frozen=True, slots=True)
class LimitedRows:
    """The first rows of an answer."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    is_cut: bool
    """Whether there are more."""


def limited_rows(published: Path, query: str, most: int, seconds: float = SECONDS) -> LimitedRows:
    """The first rows of what the published file says to a query, or to the question of that name in `sql/queries/`.

    Args:
        published: The warehouse; nothing else is read, and nothing is written.
        query: SQL.
        most: Rows.
        seconds: After which the query is broken off.

    Raises:
        SlowQuery: If it takes longer.
        ValueError: With DuckDB's own words if the query is wrong.
    """
    with connected(answer(published, query), memory=MEMORY) as con:
        timer = Timer(seconds, con.interrupt)
        timer.start()
        try:
            result = con.execute(answer(published, query).sql)
            if result is None:
                raise ValueError(NO_ROWS)
            rows = result.fetchmany(most + 1)
            names = [column[0] for column in result.description]
        except duckdb.InterruptException as error:
            raise SlowQuery(
                f"the query took longer than {seconds:g} s and was broken off: ask for less, such as one dictionary"
            ) from error
        finally:
            timer.cancel()
    return LimitedRows(names, rows[:most], len(rows) > most)
