"""Dagster's own records, as the commands use them."""

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import dagster as dg


def dagster_home() -> Path:
    """The folder of Dagster's own records, made ready: `DAGSTER_HOME`, or `.dagster` here."""
    home = Path(os.environ.setdefault("DAGSTER_HOME", str(Path(".dagster").resolve())))
    home.mkdir(parents=True, exist_ok=True)
    if not (home / "dagster.yaml").exists() and Path("dagster.yaml").exists():
        shutil.copy("dagster.yaml", home)
    return home


def dagster_instance() -> "dg.DagsterInstance":
    dagster_home()
    import dagster as dg

    return dg.DagsterInstance.get()
