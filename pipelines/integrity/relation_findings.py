"""Relations across the tables of the store: the rules that every publication is held to."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from pipelines.integrity.finding import Finding
from sql.consistency import inspect
from sql.publish import publish
from sql.stored_partitions import StoredTables
from sql.warehouse import connect


def relation_findings(published: Path, stored: StoredTables, *, is_current: bool) -> Iterator[Finding]:
    """Rules that rows of the store break.

    Args:
        published: The published file.
        stored: The store's tables.
        is_current: Whether the file holds what the store holds: it is asked then, and a file is built aside if not.
    """
    if is_current:
        yield from _broken_rules(published)
        return
    with TemporaryDirectory(prefix="glasshouse-") as aside:
        file = Path(aside) / "warehouse.duckdb"
        for each in publish(file, stored).left_out:
            place = f"tables/{each.table}/{each.partition}"
            yield Finding(place, f"it cannot be published ({each.found})", each.remedy)
        yield from _broken_rules(file)


def _broken_rules(file: Path) -> Iterator[Finding]:
    with closing(connect(file)) as con:
        for broken in inspect(con):
            place = "/".join(key for key in (broken.model_id, broken.recipe_id) if key)
            what = f"{broken.n:,} rows break the rule {broken.rule}, such as: {broken.what}"
            command = " ".join(
                f"--{name} {key}" for name, key in (("model", broken.model_id), ("recipe", broken.recipe_id)) if key
            )
            remedy = f"delete the tables that disagree, then `{f'glasshouse run {command}'.strip()}`"
            yield Finding(f"tables of {place or 'no dictionary'}", what, remedy)
