"""Where there is no CUDA, nothing of the kernels is imported."""

import subprocess
import sys
from pathlib import Path

import torch

from models.sparse.kernels.dispatch import use_kernels

ROOT = Path(__file__).resolve().parents[3]
WITHOUT = """
import importlib, pkgutil, sys
sys.modules["triton"] = None  # importing it raises
import torch
import models
for module in pkgutil.walk_packages(models.__path__, "models."):
    if not module.name.startswith("models.sparse.kernels."):
        importlib.import_module(module.name)
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


def test_a_cpu_works_without_triton() -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
