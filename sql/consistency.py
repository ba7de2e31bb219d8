"""Whether the tables of a warehouse agree with each other: what foreign keys would say, and more."""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from duckdb import DuckDBPyConnection

from sql.catalog import TableLayout, quoted, table_layouts
from sql.references import DerivedRule, derived_rules
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


Dictionaries = Collection[tuple[str, str]]
"""By model_id and recipe_id."""
Layouts = Mapping[str, TableLayout]
"""Of every table, by its name."""


def inspect(con: DuckDBPyConnection) -> list[Violation]:
    """Holds all rows against every rule of `sql/checks/`, what the tables refer to and the grain of every table; no
    finding: all agree."""
    layouts = table_layouts(con)
    return _broken(con, _rules(layouts), _filled(con, list(layouts)))


def inspect_changes(
    con: DuckDBPyConnection, changed: Dictionaries | None, layouts: Layouts, filled: Collection[str]
) -> str:
    """Brings `_violation` up to date. Of a rule by which no other dictionary has a part in what breaks it, only rows of
    dictionaries that changed are looked at, and what was found of the others stays, if the rules are still the same.

    Args:
        changed: Those that did; None where it may be any.
        layouts: The file's, as `table_layouts` reads them.
        filled: Tables that have a row.

    Returns:
        The rules' sha256, as the publication keeps it.
    """
    rules, published = _rules(layouts), con.execute("select rules_sha256 from _publication").fetchall()
    sha256 = _sha256_of(rules)
    if changed is None or published != [(sha256,)]:
        con.execute("delete from _violation")
        found = _broken(con, rules, filled)
    else:
        alone = [rule for rule in rules if rule.is_of_one_dictionary]
        con.execute("delete from _violation where not list_contains($1, rule)", [[rule.name for rule in alone]])
        for model_id, recipe_id in changed:
            con.execute("delete from _violation where model_id = $1 and recipe_id = $2", [model_id, recipe_id])
        found = _broken(con, [rule for rule in rules if not rule.is_of_one_dictionary], filled)
        if changed:
            with _rows_of(con, changed, layouts):
                found += _broken(con, alone, filled)
    for each in found:
        row = [each.rule, each.title, each.model_id, each.recipe_id, each.n, each.what]
        con.execute("insert into _violation values ($1, $2, $3, $4, $5, $6)", row)
    return sha256


def rules_sha256(con: DuckDBPyConnection) -> str:
    """Changes whenever a rule does: what others found says nothing of it."""
    return _sha256_of(_rules(table_layouts(con)))


def published_violations(con: DuckDBPyConnection) -> list[Violation]:
    """What the last publication found."""
    return [Violation(*row) for row in con.execute("from _violation order by all").fetchall()]


def _rules(layouts: Layouts) -> list[DerivedRule]:
    """All of them. Those of `sql/checks/` are each about one dictionary."""
    written = [DerivedRule(text.name, text.title, text.sql, True) for text in sql_files("checks")]
    return [*written, *derived_rules(layouts), *_grain_rules(layouts)]


def _sha256_of(rules: Iterable[DerivedRule]) -> str:
    return hashlib.sha256("\n".join(map(repr, rules)).encode()).hexdigest()


@contextmanager
def _rows_of(con: DuckDBPyConnection, dictionaries: Dictionaries, layouts: Layouts) -> Iterator[None]:
    """While it lasts, tables of dictionaries hold the rows of some of them alone."""
    con.execute("create temp table looked_at (model_id varchar, recipe_id varchar)")
    con.executemany("insert into looked_at values ($1, $2)", sorted(dictionaries))
    tables = [table for table, layout in layouts.items() if layout.is_of_dictionaries]
    for table in tables:
        con.execute(
            f"create temp view {quoted(table)} as "
            f"from warehouse.{quoted(table)} semi join looked_at using (model_id, recipe_id)"
        )
    try:
        yield
    finally:
        for table in tables:
            con.execute(f"drop view temp.{quoted(table)}")
        con.execute("drop table looked_at")


def _broken(con: DuckDBPyConnection, rules: Iterable[DerivedRule], filled: Collection[str]) -> list[Violation]:
    """A rule is planned in a millisecond, whether its table has rows or not: that of an empty one is not."""
    con.execute("set enable_progress_bar = false")  # whoever asks has a terminal of his own
    violations = []
    for rule in rules:
        if rule.table is not None and rule.table not in filled:
            continue
        broken = rule.sql.rstrip().removesuffix(";")
        rows = con.execute(
            f"select model_id, recipe_id, count(*), min(what) from ({broken}\n) group by all order by all"
        ).fetchall()
        violations += [Violation(rule.name, rule.title, *row) for row in rows]
    return violations


def _filled(con: DuckDBPyConnection, names: list[str]) -> set[str]:
    """Tables that have a row."""
    each = " union all ".join(f"(select {number} from {quoted(name)} limit 1)" for number, name in enumerate(names))
    return {names[number] for (number,) in con.execute(each).fetchall()}


def _grain_rules(layouts: Layouts) -> Iterator[DerivedRule]:
    """Rows that are not alone in their grain."""
    for table, layout in layouts.items():
        key, has = ", ".join(map(quoted, layout.grain)), layout.columns
        model, recipe = (f"any_value({name})" if name in has else "null::varchar" for name in ("model_id", "recipe_id"))
        yield DerivedRule(
            f"grain_of_{table}",
            f"{table} has one row per ({key}).",
            f"select {model} as model_id, {recipe} as recipe_id, row({key})::varchar || ' stands ' || count(*) || "
            f"' times' as what from {quoted(table)} group by {key} having count(*) > 1",
            layout.is_of_dictionaries and {"model_id", "recipe_id"} <= set(layout.grain),
            table,
        )
