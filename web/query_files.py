"""The questions that panels ask: the .sql files of `web/queries`, found by being there."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Protocol

Values = Mapping[str, Any]
"""Parameters of a query by name: the only way in which anything reaches SQL."""


@dataclass(frozen=True, slots=True)
class Query:
    """A .sql file: `name` is its stem, `title` the sentence of its first line, `parameters` the names after a $.

    `nothing_without` is the table that a line `-- nothing without: table` names: while it is empty, so is the answer.
    """

    name: str
    title: str
    sql: str
    parameters: tuple[str, ...]
    nothing_without: str | None = None

    @property
    def is_dictionary_level(self) -> bool:
        """Whether it asks of whole dictionaries or the file: the answer serves every page."""
        return set(self.parameters) <= {"model_id", "recipe_id", "other_model_id", "other_recipe_id"}

    def bind(self, values: Values) -> dict[str, Any]:
        """Those of the values that this query has parameters for."""
        return {name: values[name] for name in self.parameters}


class AnswersQueries(Protocol):
    """Rows of a warehouse: of the published file, or with those of an answer in the place of its own."""

    def ask(self, query: Query, values: Values) -> list[SimpleNamespace]:
        """The rows of the answer, a name for each column."""
        ...

    def ask_together(self, questions: Iterable[tuple[Query, Values]]) -> list[list[SimpleNamespace]]:
        """The answers of several questions."""
        ...


@cache
def queries() -> dict[str, Query]:
    """Every query by its name: dropping a file into the folder is all it takes to add one."""
    files = sorted((Path(__file__).parent / "queries").glob("*.sql"))
    return {file.stem: _query(file.stem, file.read_text(encoding="utf-8")) for file in files}


def _query(name: str, sql: str) -> Query:
    title = sql.splitlines()[0].removeprefix("--").strip()
    needed = re.search(r"^-- nothing without: (\w+)$", sql, re.MULTILINE)
    return Query(name, title, sql, tuple(sorted(set(re.findall(r"\$([a-z_]+)", sql)))), needed and needed[1])
