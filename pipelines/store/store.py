"""The store as Dagster's assets are given it: home, registry and published warehouse of one installation."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg

from pipelines.registry.experiment_cards import ExperimentRegistration
from pipelines.registry.registry import Registry, SAERegistration
from pipelines.store.datasets import Datasets
from pipelines.store.layout import StoreLayout
from pipelines.store.tables import TableStore
from storage.folder import Folder
from storage.remote_errors import remote_errors
from storage.revisions import resolve_revision
from storage.store_lock import shared_use


def import_revision(source: str, revision: str | None) -> str:
    from models.interchange.sae_import import revision_of  # brings torch, which reading cards does without

    return revision_of(source, revision)


class Store(dg.ConfigurableResource):
    """Home, registry and published warehouse; each left out is read from the environment when it is used.

    `GLASSHOUSE_HOME` (default `data`), `GLASSHOUSE_REGISTRY` (`registry`), `GLASSHOUSE_WAREHOUSE`
    (`data/warehouse.duckdb`).
    """

    home: str | None = None
    registry: str | None = None
    warehouse: str | None = None

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> "Iterator[Store]":
        """For a step of Dagster: nobody on this machine deletes from the store while it runs."""
        with shared_use(self.layout.root.url):
            yield self

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
        return Path(self.warehouse or os.environ.get("GLASSHOUSE_WAREHOUSE", "data/warehouse.duckdb"))

    @property
    def registry_folder(self) -> Folder:
        return Folder(self.registry or os.environ.get("GLASSHOUSE_REGISTRY", "registry"))

    def cards(self) -> Registry:
        with remote_errors():
            return Registry.read(self.registry_folder)

    def experiment(self, key: str) -> ExperimentRegistration:
        return self.cards().experiment(key, resolve_revision)

    def registration(self, sae_id: str) -> SAERegistration:
        return self.cards().registration(sae_id, resolve_revision, import_revision)
