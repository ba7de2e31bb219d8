"""What tables and columns a warehouse has, asked of the file itself; and how SQL spells names and texts."""

import re
from dataclasses import dataclass

from duckdb import DuckDBPyConnection

from storage.table_schemas import tables


@dataclass(frozen=True, slots=True)
class Reference:
    """Columns that a table shares with another, in which every row of the one must find a row of the other."""

    table: str
    to: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TableLayout:
    """What a table's rows are made of, what tells them apart, and which rows of other tables they are about."""

    columns: dict[str, bool]
    """In order, and whether each may be null."""
    grain: list[str]
    """As the table's comment says: `One row per (a, b): …`."""
    references: list[Reference]
    """As the table's comment says: `… Refers to explanation (a, b).`"""
    is_stored: bool = True
    """Whether its rows come from partitions of the store; the registry's are all written at each publication."""

    @property
    def is_of_dictionaries(self) -> bool:
        """Whether each of its partitions is of one dictionary."""
        return self.is_stored and {"model_id", "recipe_id"} <= self.columns.keys() and not self.is_of_experiments

    @property
    def is_of_experiments(self) -> bool:
        """Whether each of its partitions is of one experiment."""
        return self.is_stored and "experiment_id" in self.columns


def quoted(name: str) -> str:
    """A table or column name as SQL spells it."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: str) -> str:
    """A text as SQL spells it, for the statements that take no parameters (ATTACH, COMMENT, views)."""
    return "'" + value.replace("'", "''") + "'"


def table_names(con: DuckDBPyConnection, *, internal: bool = False) -> list[str]:
    """Tables in the file, sorted; those that begin with an underscore are internal."""
    rows = con.execute("select table_name from duckdb_tables() where database_name = current_database() order by all")
    return [name for (name,) in rows.fetchall() if internal or not name.startswith("_")]


def column_comments(con: DuckDBPyConnection) -> dict[str, dict[str, str]]:
    """The comment of each column of each table (not of views), by table and column."""
    rows = con.execute(
        "select table_name, column_name, columns.comment from duckdb_columns() as columns "
        "inner join duckdb_tables() using (database_name, schema_name, table_name) "
        "where database_name = current_database()"
    )
    comments: dict[str, dict[str, str]] = {}
    for table, column, comment in rows.fetchall():
        comments.setdefault(table, {})[column] = comment
    return comments


def table_layouts(con: DuckDBPyConnection) -> dict[str, TableLayout]:
    """That of every table which is not internal, with one question to the file."""
    rows = con.execute(
        "select table_name, tables.comment, column_name, is_nullable from duckdb_columns() as columns "
        "inner join duckdb_tables() as tables using (database_name, schema_name, table_name) "
        "where database_name = current_database() and not starts_with(table_name, '_') "
        "order by table_name, column_index"
    )
    layouts, stored = dict[str, TableLayout](), tables()
    for table, comment, column, is_nullable in rows.fetchall():
        if table not in layouts:
            grain, references = _grain(table, comment or ""), _references(table, comment or "")
            layouts[table] = TableLayout({}, grain, references, is_stored=table in stored)
        layouts[table].columns[column] = is_nullable
    return layouts


def _grain(table: str, comment: str) -> list[str]:
    declaration = re.match(r"One row per \(([^)]+)\)", comment)
    assert declaration, f"sql/schema/{table}.sql: the comment on the table must begin with 'One row per (columns): '"
    return _listed(declaration[1])


def _references(table: str, comment: str) -> list[Reference]:
    declared = re.findall(r"Refers to (\w+) \(([^)]+)\)", comment)
    return [Reference(table, to, tuple(_listed(names))) for to, names in declared]


def _listed(names: str) -> list[str]:
    return [name.strip().strip('"') for name in names.split(",")]
