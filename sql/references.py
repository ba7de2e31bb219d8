"""Rules that follow from what a table declares and how its columns are called: no table is named here.

A table's comment says which tables its rows refer to (`Refers to feature (model_id, recipe_id, feature_id)`). A column
that is `feature_id`, or ends so, counts the latents of a dictionary: where no reference holds it to a row, it must at
least lie in their range.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sql.catalog import Reference, TableLayout, literal, quoted

INDEX = "feature_id"


@dataclass(frozen=True, slots=True)
class DerivedRule:
    """A rule by its name and title; `sql` selects model_id, recipe_id and `what` of every row that breaks it."""

    name: str
    title: str
    sql: str
    is_of_one_dictionary: bool = False
    """Whether rows of another dictionary have no part in whether a row breaks it."""
    table: str | None = None
    """The table whose rows break it: while that is empty, none does."""


def derived_rules(layouts: Mapping[str, TableLayout]) -> Iterator[DerivedRule]:
    """Those of every table of a file, table by table."""
    for table, layout in layouts.items():
        has, declared = layout.columns, layout.references
        for reference in declared:
            yield _row_known(reference, has, layout.is_of_dictionaries and _is_known(reference, layouts[reference.to]))
        proven = {name for reference in declared for name in reference.columns}
        for name in has:
            if name.endswith(INDEX) and name not in proven:
                yield _index_in_range(table, name, has, _is_own(layout, name))


def _is_known(reference: Reference, to: TableLayout) -> bool:
    """Whether rows that a dictionary refers to change with it alone, or with what all dictionaries may refer to."""
    if to.is_of_dictionaries:
        return {"model_id", "recipe_id"} <= set(reference.columns)
    return to.is_stored and not to.is_of_experiments


def _is_own(layout: TableLayout, column: str) -> bool:
    """Whether a column counts latents of the row's own dictionary."""
    prefix = column.removesuffix(INDEX)
    other = {f"{prefix}model_id", f"{prefix}recipe_id"} if prefix else set[str]()
    return layout.is_of_dictionaries and not other & layout.columns.keys()


def _row_known(reference: Reference, has: dict[str, bool], is_of_one: bool) -> DerivedRule:
    """A null refers to nothing."""
    table, to, shared = reference.table, reference.to, ", ".join(map(quoted, reference.columns))
    said = " || ', ' || ".join(f"{literal(f'{name} ')} || {quoted(name)}" for name in reference.columns)
    there = " and ".join(f"{quoted(name)} is not null" for name in reference.columns)
    return DerivedRule(
        f"{table}_refers_to_{to}",
        f"Every row of `{table}` refers to a row of `{to}` by ({', '.join(reference.columns)}).",
        f"select {_place(has)}, {said} || {literal(f' stands in {table}, not in {to}')} as what "
        f"from {quoted(table)} anti join {quoted(to)} using ({shared}) where {there}",
        is_of_one,
        table,
    )


def _index_in_range(table: str, column: str, has: dict[str, bool], is_of_one: bool) -> DerivedRule:
    """The dictionary of `other_feature_id` is `other_model_id/other_recipe_id`; where there is none, the row's own."""
    prefix = column.removesuffix(INDEX)
    model, recipe = (prefix + key if prefix + key in has else key for key in ("model_id", "recipe_id"))
    place = f"t.model_id, t.{quoted('recipe_id' if 'recipe_id' in has else recipe)} as recipe_id"
    return DerivedRule(
        f"{table}_{column}_in_range",
        f"Every {column} of `{table}` lies in 0 .. n_features - 1 of its dictionary.",
        f"select {place}, {literal(f'{column} ')} || t.{quoted(column)} || ' of ' || s.model_id || '/' || s.recipe_id "
        f"|| ', which has n_features ' || s.n_features as what from {quoted(table)} as t "
        f"join sae as s on s.model_id = t.{quoted(model)} and s.recipe_id = t.{quoted(recipe)} "
        f"where t.{quoted(column)} not between 0 and s.n_features - 1",
        is_of_one,
        table,
    )


def _place(has: dict[str, bool]) -> str:
    """Which dictionary a row belongs to, where it belongs to one."""
    keys = ("model_id", "recipe_id")
    return ", ".join(quoted(key) if key in has else f"null::varchar as {quoted(key)}" for key in keys)
