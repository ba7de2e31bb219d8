"""The publication: what the store's tables hold becomes the DuckDB file that people query."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass

from pipelines.registry.feature_lists import FeatureListCard, list_rows
from pipelines.store.current_lists import current_lists
from pipelines.store.experiment_identity import experiment_identity
from pipelines.store.resolve_all import resolve_experiments, resolve_registry
from pipelines.store.stage_records import record_rows, stage_records
from pipelines.store.store import Store
from pipelines.store.store_version import require_known_layout
from sql.build import RegistryRows
from sql.consistency import Violation, published_violations
from sql.dropped_partitions import AT_MOST_HALF, AllowedDrops
from sql.lake.lake_address import LakeAddress
from sql.left_out import LeftOutPartition
from sql.publish import Published, publish
from sql.stored_partitions import StoredTables
from sql.warehouse import connect
from storage.manifest import Manifest


@dataclass(frozen=True, slots=True)
class Publication:
    """What was published, and every rule of the warehouse that its rows break."""

    published: Published
    violations: list[Violation]
    outdated: list[str]
    """A sentence for each entry of a list that is of another dictionary than there is now."""

    @property
    def findings(self) -> "list[Violation | LeftOutPartition | str]":
        """What it could not take in, then what contradicts itself."""
        return [*self.published.left_out, *self.outdated, *self.violations]


def publish_store(
    store: Store, progress: Callable[[str], None] = lambda _: None, allowed: AllowedDrops = AT_MOST_HALF
) -> Publication:
    """Brings the published file up to date with all that the store holds; raises as `sql.publish.publish`, and where
    there is no registry."""
    lists, outdated = current_lists(store.layout, store.cards().lists)
    beside = _rows_beside(store, lists)
    stored = StoredTables(store.layout.tables(), may_be_absent=bool(allowed.removed))
    done = publish(store.published, stored, registry=beside, allowed=allowed, progress=progress)
    with closing(connect(store.published)) as con:
        return Publication(done, published_violations(con), outdated)


def publish_store_into_lake(store: Store, address: LakeAddress, progress: Callable[[str], None]) -> Published:
    """Brings a lake up to date with all that the store holds; raises as `sql.lake.lake_publication.publish_lake`."""
    from sql.lake.lake_publication import publish_lake

    lists, outdated = current_lists(store.layout, store.cards().lists)
    for sentence in outdated:
        progress(sentence)
    beside = _rows_beside(store, lists)
    return publish_lake(address, StoredTables(store.layout.tables()), registry=beside, progress=progress)


def _rows_beside(store: Store, lists: dict[str, FeatureListCard]) -> RegistryRows:
    """Rows that are no partitions of the store: what the registry asks for, people's lists, how runs went."""
    require_known_layout(store.layout.root)
    asked = [(r.model_id, r.recipe_id, r.dictionary_identity) for r in resolve_registry(store)[0]]
    experiments = list(_experiment_entries(store))
    return {
        "registry_entry": asked,
        "registry_experiment": experiments,
        "stage_run": record_rows(stage_records(store.layout)),
        **list_rows(lists),
    }


def _experiment_entries(store: Store) -> Iterator[tuple[str, str, str | None]]:
    """Every experiment that the cards ask for, and the identity that it would have now."""
    registrations = {each.key: each for each in resolve_experiments(store)[0]}
    for key in store.cards().experiment_keys():
        model_id, _, experiment_id = key.partition("/")
        try:
            identity = Manifest(experiment_identity(store, registrations[key])).identity_sha256
        except (KeyError, ValueError, OSError):  # said by the sensor and by whoever runs it
            identity = None
        yield model_id, experiment_id, identity
