"""A store of an older layout made one of the newest, layout by layout; cut short, it goes on from the last that was
reached."""

import importlib
import pkgutil
from collections.abc import Callable
from functools import cache
from typing import Protocol

import pipelines.integrity.migrations
from pipelines.store.layout import StoreLayout
from pipelines.store.store_version import LAYOUT, require_known_layout, store_layout, write_layout
from storage.store_lock import sole_use

Say = Callable[[str], None]


class Migration(Protocol):
    """A module of `pipelines.integrity.migrations`."""

    TO: int

    def migrate(self, layout: StoreLayout, say: Say) -> bool:
        """Changes what lies in a store; whether all of it could be. It may be called again."""
        ...


@cache
def migrations() -> dict[int, Migration]:
    """By the layout that they lead to: a new one is one more file."""
    names = sorted(each.name for each in pkgutil.iter_modules(pipelines.integrity.migrations.__path__))
    modules = [importlib.import_module(f"{pipelines.integrity.migrations.__name__}.{name}") for name in names]
    return {module.TO: module for module in modules}  # type: ignore[misc]


def migrate_store(layout: StoreLayout, say: Say) -> int:
    """The layout that the store has then: the newest, or the last one before something that could not be changed.

    Raises:
        AbsentFolder: If there is no store.
        UnknownLayout: If a newer Glasshouse wrote here.
        StoreInUse: If a run is at work on it on this machine.
    """
    layout.root.require("the store", "correct GLASSHOUSE_HOME, or mount it")
    require_known_layout(layout.root)
    with sole_use(layout.root.url):
        for number in range(store_layout(layout.root) + 1, LAYOUT + 1):
            if not migrations()[number].migrate(layout, say):
                return number - 1
            write_layout(layout.root, number)
    return LAYOUT
