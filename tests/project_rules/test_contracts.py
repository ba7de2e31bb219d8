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


def test_every_module_and_package_of_pipelines_has_its_layer():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    placed = set(re.findall(r"pipelines\.(\w+)", " ".join(layers)))
    there = {path.stem for path in (ROOT / "pipelines").iterdir() if path.is_dir() or path.suffix == ".py"}
    missing = sorted(there - {"__init__", "__pycache__"} - placed)
    assert not missing, f"name {missing} in the layers of pyproject.toml, above `assets` or below"


def test_every_room_of_models_has_its_level():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    levels = next(contract["layers"] for contract in contracts if contract["name"].startswith("a room of models"))
    placed = set(re.findall(r"models\.(\w+)", " ".join(levels)))
    there = {path.stem for path in (ROOT / "models").iterdir() if path.is_dir() or path.suffix == ".py"}
    assert there - {"__init__", "__pycache__", "demo"} == placed
