"""The publication: what the store's tables hold becomes the DuckDB file that people query."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass

from pipelines.registry.feature_lists import list_rows
from pipelines.store.resolve_all import resolve_registry
from pipelines.store.store import Store
from sql.consistency import Violation, inspect
from sql.dropped_partitions import AT_MOST_HALF, AllowedDrops
from sql.publish import Published, publish
from sql.stored_partitions import StoredTables
from sql.warehouse import connect


@dataclass(frozen=True, slots=True)
class Publication:
    """What was published, and every rule of the warehouse that its rows break."""

    published: Published
    violations: list[Violation]


def publish_store(
    store: Store, progress: Callable[[str], None] = lambda _: None, allowed: AllowedDrops = AT_MOST_HALF
) -> Publication:
    """Brings the published file up to date with all that the store holds; raises as `sql.publish.publish`, and where
    there is no registry."""
    asked = [(r.model_id, r.recipe_id, r.dictionary_identity) for r in resolve_registry(store)[0]]
    registry = {"registry_entry": asked, **list_rows(store.cards().lists)}
    stored = StoredTables(store.layout.tables(), may_be_absent=bool(allowed.removed))
    done = publish(store.published, stored, registry=registry, allowed=allowed, progress=progress)
    with closing(connect(store.published)) as con:
        return Publication(done, inspect(con))
