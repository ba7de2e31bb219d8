"""Whether the tables of a warehouse agree with each other: what foreign keys would say, and more."""

from dataclasses import dataclass

from duckdb import DuckDBPyConnection

from sql.catalog import quoted, table_layouts
from sql.references import derived_rules
from sql.sql_files import sql_files


@dataclass(frozen=True, slots=True)
class Violation:
    """Rows that break a rule, of one dictionary: how many, and what the first says."""

    rule: str
    title: str
    model_id: str | None
    recipe_id: str | None
    n: int
    what: str

    def __str__(self) -> str:
        place = "/".join(key for key in (self.model_id, self.recipe_id) if key)
        return f"{self.rule} ({place}): {self.n:,} rows break it, such as: {self.what}. Wanted: {self.title}"

    def may_be_of(self, model_id: str, recipe_id: str) -> bool:
        """Whether it is of a dictionary, or of rows that name none or only its model."""
        return self.model_id in (None, model_id) and self.recipe_id in (None, recipe_id)


def inspect(con: DuckDBPyConnection) -> list[Violation]:
    """Holds the rows against every rule of `sql/checks/`, what the tables refer to and the grain of every table; no
    finding: all agree."""
    con.execute("set enable_progress_bar = false")  # whoever asks has a terminal of his own
    return _broken_rules(con) + _repeated_rows(con)


def _broken_rules(con: DuckDBPyConnection) -> list[Violation]:
    violations = []
    for rule in (*sql_files("checks"), *derived_rules(con)):
        broken = rule.sql.rstrip().removesuffix(";")
        rows = con.execute(
            f"select model_id, recipe_id, count(*), min(what) from ({broken}\n) group by all order by all"
        ).fetchall()
        violations += [Violation(rule.name, rule.title, *row) for row in rows]
    return violations


def _repeated_rows(con: DuckDBPyConnection) -> list[Violation]:
    """Rows that are not alone in their grain."""
    violations = []
    for table, layout in table_layouts(con).items():
        key, has = ", ".join(map(quoted, layout.grain)), layout.columns
        model, recipe = (f"any_value({name})" if name in has else "null::varchar" for name in ("model_id", "recipe_id"))
        rows = con.execute(
            f"with repeated as (select {model} as model_id, {recipe} as recipe_id, row({key})::varchar as key, "
            f"count(*) as n from {quoted(table)} group by {key} having n > 1) "
            "select model_id, recipe_id, count(*), min(key || ' stands ' || n || ' times') from repeated "
            "group by all order by all"
        ).fetchall()
        violations += [Violation(f"grain_of_{table}", f"{table} has one row per ({key}).", *row) for row in rows]
    return violations
