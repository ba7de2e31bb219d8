"""Home, registry and published warehouse of one installation, for whoever runs without Dagster."""

import os
from dataclasses import dataclass
from pathlib import Path

from pipelines.registry.experiment_cards import ExperimentRegistration
from pipelines.registry.registry import Registry, SAERegistration
from pipelines.store.datasets import Datasets
from pipelines.store.layout import StoreLayout
from pipelines.store.published_file import published_file
from pipelines.store.store_version import require_known_layout
from pipelines.store.tables import TableStore
from storage.folder import Folder
from storage.remote_errors import remote_errors
from storage.revisions import resolve_revision


def import_revision(source: str, revision: str | None) -> str:
    from models.interchange.sae_import import revision_of  # brings torch, which reading cards does without

    return revision_of(source, revision)


class OpenStore:
    """What a store is asked for; where it is, its subclass says. What is left out is read from the environment when it
    is used.

    `GLASSHOUSE_HOME` (default `data`), `GLASSHOUSE_REGISTRY` (`registry`), `GLASSHOUSE_WAREHOUSE`
    (`data/warehouse.duckdb`).
    """

    home: str | None
    registry: str | None
    warehouse: str | None

    @property
    def layout(self) -> StoreLayout:
        return StoreLayout(Folder(self.home or os.environ.get("GLASSHOUSE_HOME", "data")))

    @property
    def tables(self) -> TableStore:
        return TableStore(self.layout)

    @property
    def datasets(self) -> Datasets:
        return Datasets(self.layout, self.tables)

    @property
    def published(self) -> Path:
        return published_file(self.warehouse)

    @property
    def registry_folder(self) -> Folder:
        return Folder(self.registry or os.environ.get("GLASSHOUSE_REGISTRY", "registry"))

    def cards(self) -> Registry:
        with remote_errors():
            return Registry.read(self.registry_folder)

    def experiment(self, key: str) -> ExperimentRegistration:
        require_known_layout(self.layout.root)
        return self.cards().experiment(key, resolve_revision)

    def registration(self, sae_id: str) -> SAERegistration:
        require_known_layout(self.layout.root)
        return self.cards().registration(sae_id, resolve_revision, import_revision)


@dataclass(frozen=True)
class RankStore(OpenStore):
    """The store as a process of a launch opens it."""

    home: str | None = None
    registry: str | None = None
    warehouse: str | None = None
