"""Float32 matrix products on a CPU, by oneDNN where MKL, which torch asks, is slow: AMD with AVX-512.

MKL takes the AVX2 way on AMD's CPUs. oneDNN, which torch ships and asks for 16-bit products alone, uses the whole
vector. Measured on two cores of a Zen 5: 130 to 185 GFLOP/s by MKL, 360 to 440 by oneDNN; docs/decisions/0056.

Axes: N rows, K summed over, M columns.
"""

import sys
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec

    from torch import Tensor

LEAST = 2**22
"""Multiplications of a product that is handed over; below, the call costs more than it saves."""
_overrides: list[Any] = []
"""What holds the overrides in place: torch drops those of a library that nobody holds."""


def mkl_is_slow() -> bool:
    """Whether the CPU is one on which oneDNN multiplies float32 matrices faster than MKL."""
    import torch

    has = torch.cpu.get_capabilities()
    return bool("AMD" in has.get("cpu_name", "") and has.get("avx512_f") and torch.backends.mkldnn.is_available())


def use_onednn() -> None:
    """Large float32 products of two matrices go to oneDNN, in this process from now on; gradients' too."""
    import torch

    if _overrides:
        return
    library = torch.library.Library("aten", "IMPL")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a kernel of torch's is overridden is what is wanted
        library.impl("mm", product, "CPU")
        library.impl("addmm", product_and_sum, "CPU")
    _overrides.append(library)


def product(left_NK: "Tensor", right_KM: "Tensor") -> "Tensor":
    """`aten::mm`: left @ right."""
    if _is_for_onednn(left_NK, right_KM):
        return _onednn(left_NK, right_KM, None)
    import torch

    out_NM = left_NK.new_empty(left_NK.shape[0], right_KM.shape[1])
    return torch.ops.aten.mm.out(left_NK, right_KM, out=out_NM)


def product_and_sum(
    added: "Tensor", left_NK: "Tensor", right_KM: "Tensor", *, beta: float = 1, alpha: float = 1
) -> "Tensor":
    """`aten::addmm`: beta * added + alpha * left @ right; `added` is spread over the result."""
    plain = beta == 1 and alpha == 1 and added.dim() == 1 and added.dtype == left_NK.dtype
    if plain and len(added) == right_KM.shape[1] and _is_for_onednn(left_NK, right_KM):
        return _onednn(left_NK, right_KM, added.contiguous())
    import torch

    out_NM = left_NK.new_empty(left_NK.shape[0], right_KM.shape[1])
    return torch.ops.aten.addmm.out(added, left_NK, right_KM, beta=beta, alpha=alpha, out=out_NM)


def _onednn(left_NK: "Tensor", right_KM: "Tensor", added_M: "Tensor | None") -> "Tensor":
    import torch

    if not (right_KM.is_contiguous() or right_KM.t().is_contiguous()):
        right_KM = right_KM.contiguous()  # oneDNN has no fast way for part of a matrix: 220 ms where this takes .1
    return torch.ops.mkldnn._linear_pointwise.default(left_NK, right_KM.t(), added_M, "none", [], "")


def _is_for_onednn(left_NK: "Tensor", right_KM: "Tensor") -> bool:
    import torch

    if not (left_NK.dtype is right_KM.dtype is torch.float32 and left_NK.shape[1] == right_KM.shape[0]):
        return False
    n_multiplied = left_NK.shape[0] * left_NK.shape[1] * right_KM.shape[1]
    return n_multiplied >= LEAST and left_NK.shape[0] > 1


def after_import_of_torch(then: Callable[[], None]) -> None:
    """Calls a function as soon as torch is imported; at once where it is."""
    if "torch" in sys.modules:
        then()
    else:
        sys.meta_path.insert(0, _TorchFinder(then))


class _TorchFinder:
    """Finds torch as it would be found without it, once, and has a function called when it is loaded."""

    def __init__(self, then: Callable[[], None]) -> None:
        self.then = then

    def find_spec(self, fullname: str, path: Any, target: ModuleType | None = None) -> "ModuleSpec | None":
        if fullname != "torch":
            return None
        sys.meta_path.remove(self)
        spec = find_spec(fullname)
        if spec is not None and spec.loader is not None:
            load = spec.loader.exec_module

            def exec_module(module: ModuleType) -> None:
                load(module)
                self.then()

            spec.loader.exec_module = exec_module
        return spec


def choose_products() -> None:
    """oneDNN where MKL is slow; else as torch has it."""
    if mkl_is_slow():
        use_onednn()
