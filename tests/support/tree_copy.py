"""A copy of this tree with a few files more: what is added by its files alone is proven there."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from importlib.util import cache_from_source
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def tree_with(place: Path, new: Mapping[str, str]) -> Path:
    """Copies every file that git does not ignore, and adds new ones.

    Raises:
        FileExistsError: If a file that is to be added is one of the tree's own.
    """
    copy = place / "tree"
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        _copy(ROOT / name, copy / name)
        if name.endswith(".py"):  # compiled already: that takes longer than what is run
            _copy(Path(cache_from_source(str(ROOT / name))), Path(cache_from_source(str(copy / name))))
    for name, text in new.items():
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        with (copy / name).open("x", encoding="utf-8") as file:
            file.write(text)
    return copy


def _copy(file: Path, to: Path) -> None:
    if file.is_file():
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(file, to)


def python_in(tree: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Runs Python on the copy, and on nothing of this tree."""
    path = os.pathsep.join([str(tree), str(tree / "tests" / "support")])
    environment = os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"} | variables
    return subprocess.run(
        [sys.executable, *arguments], cwd=tree, env=environment, capture_output=True, text=True, check=False
    )
