"""The .sql files of this package: one statement each; the first comment line is its title."""

from dataclasses import dataclass
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class SQLFile:
    """A .sql file: `name` is its stem, `title` the sentence of its first line."""

    name: str
    title: str
    sql: str


def sql_files(folder: str) -> list[SQLFile]:
    """The .sql files of a folder of this package, sorted by name: dropping a file there is all it takes to add one."""
    paths = sorted(
        (file for file in files("sql").joinpath(folder).iterdir() if file.name.endswith(".sql")),
        key=lambda file: file.name,
    )
    return [_text(file.name.removesuffix(".sql"), file.read_text(encoding="utf-8")) for file in paths]


def _text(name: str, sql: str) -> SQLFile:
    return SQLFile(name, sql.splitlines()[0].removeprefix("--").strip(), sql)
