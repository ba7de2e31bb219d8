"""docs/notebook.py: it runs as a script with every warning an error, and shows what the warehouse says."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from synthetic_store import SyntheticStore

from sql.publish import publish
from sql.warehouse import connect

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("marimo") is None, reason="no marimo here: .venv/bin/pip install -e '.[dev]'"
)
ROOT = Path(__file__).parents[2]
NOTEBOOK = ROOT / "docs" / "notebook.py"
ASKED = """
import sys
sys.path.insert(0, "docs")
import notebook

_, said = notebook.app.run()
for name in ("summary", "found", "examples", "answer"):
    print(name, said[name].height, said[name].columns)
for name in ("pareto", "densities", "specificity"):
    drawn = said[name].axes[0]
    print(name, len(drawn.collections), len(drawn.patches), len(drawn.lines))
"""


def run(warehouse: Path, *asked: str) -> subprocess.CompletedProcess[str]:
    """Python with every warning an error, in a process that sees one warehouse; text between processes is UTF-8."""
    environment = os.environ | {
        "GLASSHOUSE_WAREHOUSE": str(warehouse),
        "MPLBACKEND": "Agg",
        "PYTHONIOENCODING": "utf-8",
    }
    return subprocess.run(
        [sys.executable, "-W", "error", *asked], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.slow
def test_it_runs_as_a_script(warehouse: Path):
    ran = run(warehouse, str(NOTEBOOK))
    assert ran.returncode == 0, ran.stderr


def test_it_shows_what_the_warehouse_says(warehouse: Path):
    ran = run(warehouse, "-c", ASKED)
    assert ran.returncode == 0, ran.stderr
    said: dict[str, Any] = dict(line.split(" ", 1) for line in ran.stdout.splitlines())
    with connect(warehouse) as con:
        [(n_examples,)] = con.execute(
            "select count(*) from example where recipe_id = 'late' and feature_id = 0"
        ).fetchall()
        [(n_tables,)] = con.execute("select count(*) from table_rows").fetchall()
    assert said["summary"].startswith("2 ['sae_id', 'site', 'architecture'")
    assert said["found"].startswith("12 ['feature_id', 'label'"), "all features of the first dictionary, demo/late"
    assert said["examples"].startswith(f"{n_examples} ['kind', 'interval_index', 'activation', 'text']")
    assert said["answer"].startswith(f"{n_tables} ['table_name', 'n_rows']")
    assert said["pareto"] == "2 0 0", "a dot for each dictionary"
    assert said["densities"] == "0 2 0", "a stair for each dictionary"
    assert said["specificity"] == "0 0 1", "a line for the dictionary that was rated"


@pytest.mark.slow
def test_a_warehouse_without_a_dictionary_is_shown_too(home: Path):
    (home / "tables").mkdir()
    publish(home / "warehouse.duckdb", SyntheticStore(str(home)).stored)
    ran = run(home / "warehouse.duckdb", str(NOTEBOOK))
    assert ran.returncode == 0, ran.stderr


@pytest.mark.slow
def test_a_missing_warehouse_is_said_in_a_sentence(home: Path):
    ran = run(home / "none.duckdb", str(NOTEBOOK))
    assert ran.returncode != 0
    assert "there is no warehouse at" in ran.stderr
