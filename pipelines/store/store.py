"""The store as Dagster's assets are given it."""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from pipelines.store.open_store import OpenStore
from storage.store_lock import shared_use


class Store(dg.ConfigurableResource, OpenStore):
    """Home, registry and published warehouse; each left out is read from the environment when it is used.

    `GLASSHOUSE_HOME` (default `data`), `GLASSHOUSE_REGISTRY` (`registry`), `GLASSHOUSE_WAREHOUSE`
    (`data/warehouse.duckdb`).
    """

    home: str | None = None
    registry: str | None = None
    warehouse: str | None = None

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> "Iterator[Store]":
        """For a step of Dagster: nobody on this machine deletes from the store while it runs, and no newer Glasshouse
        has written to it."""
        with shared_use(self.layout.root.url):
            yield self
