"""Where there is no CUDA, nothing of the kernels is imported."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import torch

from models.sparse.kernels.dispatch import use_kernels

ROOT = Path(__file__).resolve().parents[3]
KERNELS = "models.sparse.kernels"
WITHOUT = """
import sys
sys.modules["triton"] = None  # importing it raises
import torch
from models.sparse.topk_select import fast_topk
from models.sparse.sparse_ops import SparseEntries
features_TK = fast_topk(torch.randn(9, 64), 3)[1]
rows_FD = torch.randn(64, 5, requires_grad=True)
SparseEntries.of(features_TK, 64).combine(torch.ones(27), rows_FD).sum().backward()
loaded = sorted(name for name in sys.modules if name.startswith("models.sparse.kernels."))
assert loaded == ["models.sparse.kernels.dispatch"], loaded
"""


def test_tensors_of_a_cpu_are_not_taken() -> None:
    assert not use_kernels(torch.ones(2))
    assert not use_kernels(torch.ones(2), torch.ones(2, dtype=torch.bfloat16))


def statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Those that are run when a module is imported: not those of functions, nor what is for types alone."""
    for node in body:
        yield node
        if isinstance(node, ast.Try):
            yield from statements(node.body)
        if isinstance(node, ast.If) and "TYPE_CHECKING" not in ast.unparse(node.test):
            yield from statements([*node.body, *node.orelse])


def imported_at_once(path: Path) -> set[str]:
    """What a file imports when it is imported itself."""
    names: set[str] = set()
    for node in statements(ast.parse(path.read_text(encoding="utf-8")).body):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def test_no_file_imports_triton_or_a_kernel_when_it_is_imported() -> None:
    files = [path for path in (ROOT / "models").rglob("*.py") if "kernels" not in path.parts]
    assert len(files) > 100
    imported = {str(path): imported_at_once(path) for path in files}
    assert any(name.startswith(f"{KERNELS}.dispatch.") for names in imported.values() for name in names)
    eager = {
        path: name
        for path, names in imported.items()
        for name in names
        if name.split(".")[0] == "triton" or (name.startswith(KERNELS) and not name.startswith(f"{KERNELS}.dispatch."))
    }
    assert not eager


def test_a_cpu_works_without_triton() -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
