"""A Dagster home that cannot be used is a sentence of `glasshouse`, not a trace of its database."""

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import glasshouse
from small_disk import small_disk
from small_house import small_house

from pipelines.dagster_support.record_errors import UnusableRecords, record_errors

MAIN = "from pipelines.cli.main import main; main()"


def places(root: Path, home: Path) -> dict[str, str]:
    """The environment of a house that wants a run."""
    small_house(root)
    return {
        "GLASSHOUSE_REGISTRY": str(root / "registry"),
        "GLASSHOUSE_HOME": str(root / "data"),
        "DAGSTER_HOME": str(home),
    }


@pytest.mark.slow
def test_a_full_disk_is_said(tmp_path: Path):
    with small_disk(tmp_path / "small", "100k") as place:
        environment = os.environ | places(tmp_path, place / "dagster")  # a process: it holds files of the disk open
        command = [sys.executable, "-c", MAIN, "run"]
        ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    assert "Traceback" not in ran.stderr
    assert f"Dagster's records in {place}/dagster cannot be used" in ran.stderr
    assert "disk is full" in ran.stderr


def test_a_damaged_database_is_said(tmp_path: Path):
    home = tmp_path / "dagster"
    (home / "history").mkdir(parents=True)
    (home / "history" / "runs.db").write_text("no database" * 99)
    ran = glasshouse("run", **places(tmp_path, home))
    assert ran.returncode == 1
    assert "Traceback" not in ran.stderr
    assert f"Dagster's records in {home} cannot be used" in ran.stderr


def test_other_errors_pass():
    with pytest.raises(KeyError), record_errors():
        raise KeyError("a mistake of ours")
    with pytest.raises(UnusableRecords, match="attempt to write a readonly database"), record_errors():
        raise sqlite3.OperationalError("attempt to write a readonly database")
