"""What an import would write, held against every rule of the warehouse before the store takes it over."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from pipelines.store.layout import StoreLayout
from sql.consistency import inspect
from sql.publish import publish
from sql.stored_partitions import StoredTables
from sql.warehouse import connect
from storage.folder import Folder


def refuse_unpublishable(source: str, write: Callable[[StoreLayout], None]) -> None:
    """Builds a warehouse of the import alone.

    Args:
        source: What is imported, for messages.
        write: Writes it to a store.

    Raises:
        BadDump: Naming the first rule that is broken, and the first row that breaks it.
    """
    from models.interchange.dashboards.dump import BadDump

    with TemporaryDirectory(prefix="glasshouse-") as aside:
        layout, warehouse = StoreLayout(Folder(aside)), Path(aside) / "warehouse.duckdb"
        write(layout)
        for bad in publish(warehouse, StoredTables(layout.tables())).left_out:
            raise BadDump(f"{source} does not fit the warehouse, {bad.found}: nothing of it is stored")
        with closing(connect(warehouse)) as con:
            broken = inspect(con)
    if broken:
        more = f" (and {len(broken) - 1} rules more)" if len(broken) > 1 else ""
        raise BadDump(f"{source} contradicts itself, nothing of it is stored: {broken[0]}{more}")
