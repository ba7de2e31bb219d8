"""Who may import whom."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_imports_keep_to_their_layers():
    program = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    ran = subprocess.run(
        [sys.executable, "-c", program, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_every_module_of_pipelines_has_its_side_of_the_waterline():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    placed = set(re.findall(r"pipelines\.(\w+)", " ".join(layers)))
    there = {path.stem for path in (ROOT / "pipelines").glob("*.py")} - {"__init__"}
    assert there <= placed, f"name {sorted(there - placed)} in the layers of pyproject.toml, above `assets` or below"
