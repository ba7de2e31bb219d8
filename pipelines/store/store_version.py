"""Which layout a store has: a number in its `_store.json`; a store without that file is of the first.

A layout is raised when files that lie in stores already must be changed to be read. How, says a module of
`pipelines.integrity.migrations`. Tables whose columns changed need none: a publication names what it cannot take in.
"""

import json

from storage.folder import Folder

FILE = "_store.json"
LAYOUT = 2
"""1: manifests may be without a sha256 of their own, and are believed. 2: each has one. Both are read."""
OLDEST_READ = 1


class UnknownLayout(ValueError):
    """A store is of a layout that this Glasshouse does not read. Update it, or migrate the store."""


def store_layout(root: Folder) -> int:
    """Raises UnknownLayout if the file says nothing that can be read."""
    if not root.exists(FILE):
        return 1
    try:
        found = json.loads(root.read_bytes(FILE))["layout"]
        if type(found) is not int or found < 1:
            raise ValueError(f"layout is {found!r}")
        return found
    except (ValueError, KeyError, TypeError) as error:
        raise UnknownLayout(
            f"{root}/{FILE} does not say which layout the store has ({error}): restore it, or, if no "
            "newer Glasshouse wrote here, delete it and say `glasshouse migrate`"
        ) from error


def require_known_layout(root: Folder) -> None:
    """Before anything is read or written: raises UnknownLayout if a newer Glasshouse wrote here, or one too old."""
    found = store_layout(root)
    if found > LAYOUT:
        raise UnknownLayout(
            f"the store {root} is of layout {found}, this Glasshouse reads up to {LAYOUT}: update Glasshouse, or set "
            "GLASSHOUSE_HOME to another store"
        )
    if found < OLDEST_READ:
        raise UnknownLayout(
            f"the store {root} is of layout {found}, this Glasshouse reads from {OLDEST_READ} on: `glasshouse migrate`"
        )


def write_layout(root: Folder, layout: int) -> None:
    root.write_bytes(FILE, json.dumps({"layout": layout}).encode())
