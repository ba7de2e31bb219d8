"""oneDNN in MKL's place: the same products, whatever the layout, and gradients through them."""

import subprocess
import sys

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from models import cpu_products
from models.cpu_products import LEAST, mkl_is_slow, product, product_and_sum

N, K, M = 200, 192, 256
assert N * K * M >= LEAST
pytestmark = pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="this torch has no oneDNN")


def matrix(rows: int, columns: int, layout: str, seed: int = 0) -> torch.Tensor:
    drawn = torch.randn(rows, 2 * columns, generator=torch.Generator().manual_seed(seed))
    laid = {
        "rows": drawn[:, :columns].contiguous(),
        "columns": drawn[:, :columns].T.contiguous().T,
        "part of rows": drawn[:, columns:],
        "every other": drawn[:, ::2],
        "one row for all": drawn[:1, :columns].expand(rows, columns),
    }
    return laid[layout]


LAYOUTS = ["rows", "columns", "part of rows", "every other", "one row for all"]


@pytest.mark.parametrize("left", LAYOUTS)
@pytest.mark.parametrize("right", LAYOUTS)
def test_a_product_is_that_of_float64_to_rounding_in_every_layout(left, right):
    a, b, added = matrix(N, K, left), matrix(K, M, right, seed=1), torch.randn(M)
    exact = a.double() @ b.double()
    bound = 1e-6 * float((a.double().abs() @ b.double().abs()).max())
    assert (product(a, b) - exact).abs().max() <= bound
    assert (product_and_sum(added, a, b) - (exact + added)).abs().max() <= bound
    assert product(a, b).is_contiguous()


class WeightsOfOneDNN(TorchDispatchMode):
    """Notes what oneDNN is asked to multiply with."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[torch.Tensor] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func is torch.ops.mkldnn._linear_pointwise.default:
            self.seen.append(args[1])
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("right", LAYOUTS)
def test_no_part_of_a_matrix_reaches_onednn_whose_way_for_it_takes_a_thousand_times_as_long(right):
    with WeightsOfOneDNN() as weights:
        product(matrix(N, K, "every other"), matrix(K, M, right))
    [weight_MK] = weights.seen
    assert weight_MK.is_contiguous() or weight_MK.T.is_contiguous()


@pytest.mark.parametrize("n", [0, 1, 2])
def test_few_rows_and_other_terms_are_as_in_torch(n):
    a, b, spread = torch.randn(n, K), torch.randn(K, M), torch.randn(n, 1)
    out = torch.empty(n, M)
    assert torch.equal(product(a, b), torch.mm(a, b, out=out))
    summed = torch.ops.aten.addmm.out(spread, a, b, beta=0.5, alpha=2, out=torch.empty(n, M))
    assert torch.equal(product_and_sum(spread, a, b, beta=0.5, alpha=2), summed)


def test_other_terms_of_large_products_are_added_as_torch_does():
    a, b, whole = torch.randn(N, K), torch.randn(K, M), torch.randn(N, M)
    plain: dict[str, float] = {}
    one = torch.tensor(0.5)
    for added, factors in (
        *((whole, plain), (whole[0, :1], plain), (one, plain)),
        *((whole[0], {"alpha": 2.0}), (whole[0], {"beta": 0.0})),
    ):
        wanted = factors.get("beta", 1) * added.double() + factors.get("alpha", 1) * (a.double() @ b.double())
        torch.testing.assert_close(product_and_sum(added, a, b, **factors).double(), wanted, atol=1e-4, rtol=1e-5)
    square = torch.randn(M, M)  # as many rows as a vector that is added has entries
    wanted = square.double() + b.double().T @ b.double()
    torch.testing.assert_close(product_and_sum(square, b.T, b).double(), wanted, atol=1e-3, rtol=1e-4)
    of_doubles = product(a.double(), b.double())
    assert of_doubles.dtype is torch.float64
    with pytest.raises(RuntimeError):
        product(a, b.T)
    with pytest.raises(RuntimeError):
        product(a, b.double())


def test_values_that_are_no_numbers_stay_where_they_were():
    a, b = torch.randn(N, K), torch.randn(K, M)
    a[3, 5], a[7, 0] = torch.nan, torch.inf
    assert torch.equal(product(a, b).isnan(), (a @ b).isnan())


PROGRAM = """
{first}
import torch
from models.cpu_products import _overrides, mkl_is_slow
assert bool(_overrides) == mkl_is_slow(), "the products were not chosen"
"""


@pytest.mark.parametrize("first", ["import models", "import torch\nimport models"])
def test_whoever_imports_models_computes_alike_before_torch_or_after(first):
    subprocess.run([sys.executable, "-c", PROGRAM.format(first=first)], check=True)


SHAPES = """
import models
import ctypes
import torch

class Heap(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in "a b c d mapped e f used g h".split()]

libc = ctypes.CDLL(None)
libc.mallinfo2.restype = Heap
weight_MK, x_NK = torch.randn(1024, 256), torch.randn(1500, 256)

def held(shapes):
    for n in shapes:
        torch.ops.mkldnn._linear_pointwise.default(x_NK[:n], weight_MK, None, "none", [], "")
    heap = libc.mallinfo2()
    return heap.used + heap.mapped

print(held(range(100, 300)), held(range(300, 700)))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc alone tells what its heap holds")
def test_products_of_ever_new_shapes_do_not_fill_the_memory():
    """Each shard's last batch is one: 72 MB more over 10 million tokens than over one million."""
    told = subprocess.run([sys.executable, "-c", SHAPES], check=True, capture_output=True, text=True)
    before, after = map(int, told.stdout.split())
    assert after - before < 2e7  # 2.1e8 where a thousand shapes are kept


def test_the_choice_is_of_the_cpu_alone(monkeypatch):
    told = {"cpu_name": "AMD EPYC", "avx512_f": True}
    for changed, slow in (({}, True), ({"cpu_name": "Intel Xeon"}, False), ({"avx512_f": False}, False)):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda known=told | changed: known)
        assert mkl_is_slow() is slow
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict)
    assert not mkl_is_slow()


@pytest.mark.skipif(not mkl_is_slow(), reason="on this CPU torch keeps its own products")
def test_gradients_go_through_the_chosen_products(monkeypatch):
    asked = []
    monkeypatch.setattr(cpu_products, "_onednn", lambda *given, of=cpu_products._onednn: asked.append(1) or of(*given))
    layer = torch.nn.Linear(K, M)
    x = torch.randn(N, K, requires_grad=True)
    layer(x).square().sum().backward()
    assert len(asked) == 3
    exact = 2 * (x.double() @ layer.weight.double().T + layer.bias.double())
    assert x.grad is not None
    assert layer.weight.grad is not None
    torch.testing.assert_close(x.grad.double(), exact @ layer.weight.double(), atol=1e-3, rtol=1e-4)
    torch.testing.assert_close(layer.weight.grad.double(), exact.T @ x.double(), atol=1e-3, rtol=1e-4)
