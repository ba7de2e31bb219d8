"""CSV and TSV, with the names of columns in the first row."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from models.corpora.sources.base import check_column
from models.corpora.sources.cells import LONGEST_ROW, Absent

SUFFIXES = {".csv", ".tsv"}
DECODES_ROWS = False


def cells(path: Path, name: str, column: str) -> Iterator[Any]:
    """The cells of a column, in order.

    Raises:
        ValueError: If the first row does not name the column, or names it twice.
    """
    csv.field_size_limit(LONGEST_ROW)
    delimiter = "\t" if ".tsv" in Path(name).suffixes else ","
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.reader(file, delimiter=delimiter)
        names = next(rows, [])
        check_column(name, column, names)
        at = names.index(column)
        while (row := _next(rows)) is not None:
            if isinstance(row, Absent):
                yield row
            elif row:
                yield row[at] if at < len(row) else Absent(f"rows without {column!r}")


def _next(rows: Any) -> list[str] | Absent | None:
    try:
        return next(rows, None)
    except csv.Error as error:
        return Absent(f"broken CSV ({error})")
