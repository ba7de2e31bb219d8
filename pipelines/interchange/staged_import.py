"""An import, written to a store of its own first: a warehouse is built of it and must keep every rule.

What the store takes over afterwards can be published, and nothing of what cannot is ever stored.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from pipelines.interchange.import_check import refuse_unpublishable
from pipelines.interchange.imported_rows import ImportedDictionaryRows
from pipelines.store.layout import StoreLayout
from pipelines.store.tables import FileAside, replace_together
from storage.folder import Folder
from storage.manifest import ManifestFile

if TYPE_CHECKING:
    from models.interchange.dashboards.dump import FeatureDump

Staged = dict[str, list[FileAside]]
"""Parquet files by table, each hashed when it was written and never again."""


@contextmanager
def staged_parts(dump: "FeatureDump") -> "Iterator[tuple[Staged, int]]":
    """Every part of a dump as Parquet files aside from the store; and the highest feature that is named."""
    import pyarrow.parquet as pq

    from models.interchange.dashboards.dump import SCHEMAS

    with TemporaryDirectory(prefix="glasshouse-") as aside:
        staged: Staged = {name: [] for name in SCHEMAS}
        highest = -1
        for number, part in enumerate(dump.parts):
            for name, rows in part.items():
                if not rows.num_rows:
                    continue
                path = Path(aside) / f"{name}-{number:05d}.parquet"
                pq.write_table(rows, path, compression="zstd")
                staged[name].append(FileAside.of(path, rows.num_rows))
                for column in {"feature_id", "other_feature_id"} & set(rows.column_names):
                    highest = max(highest, int(rows.column(column).to_numpy().max()))
        yield {name: [] if name in dump.left_out else parts for name, parts in staged.items()}, highest


@dataclass(frozen=True, slots=True)
class StagedImport:
    """All that an import writes."""

    rows: ImportedDictionaryRows
    recipe_id: str
    identity: dict[str, Any]
    parts: Staged

    def write(self, layout: StoreLayout, *, links: bool = False) -> None:
        """Writes it to a store; `links` to the files, in the place of copies, while they last."""
        keys = {"model_id": self.rows.model_id, "recipe_id": self.recipe_id}
        self.rows.write(layout, layout.table_at("sae", **keys))
        folders = {name: layout.table_at(name, **keys) for name in self.parts}
        placed = {name: [_link(folders[name], part) for part in parts] for name, parts in self.parts.items() if links}
        replace_together(folders, placed or self.parts, self.identity)

    def check(self, dump: str) -> None:
        """Holds it against every check of the schema, every reference and the grain of every table; raises as
        `refuse_unpublishable`."""
        refuse_unpublishable(dump, lambda layout: self.write(layout, links=True))


def _link(folder: Folder, part: FileAside) -> ManifestFile:
    place = Path(folder.path) / part.path.name
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(part.path)
    part.entry.remember(folder)
    return part.entry
