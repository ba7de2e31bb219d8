"""Where the published warehouse lies, for whoever only asks it: a query need not wait for Dagster and the registry."""

import os
from pathlib import Path


def published_file(warehouse: str | None = None) -> Path:
    """The file of an installation: the one that was named, or `GLASSHOUSE_WAREHOUSE` (`data/warehouse.duckdb`)."""
    return Path(warehouse or os.environ.get("GLASSHOUSE_WAREHOUSE", "data/warehouse.duckdb"))
