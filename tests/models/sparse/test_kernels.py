"""Kernels against brute force: on CUDA as they are compiled, elsewhere run by Triton's interpreter on a CPU."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from models.dictionaries.base import StepContext
from models.dictionaries.config import SAESettings
from models.dictionaries.registry import architecture
from models.sparse.sparse_ops import SparseEntries, scatter

os.environ["TRITON_INTERPRET"] = str(int(not torch.cuda.is_available()))  # read when Triton is imported
os.environ["TRITON_DEFAULT_FP_FUSION"] = "1"
pytest.importorskip("triton", reason="kernels are run where Triton is installed: pip install triton")

from models.sparse.kernels import topk as of_kernels
from models.sparse.kernels.block_topk import MOST
from models.sparse.kernels.row_dots import row_dots
from models.sparse.kernels.topk import DIRECT, block_size, topk
from models.sparse.kernels.weighted_sums import BLOCK_D, SEGMENT_CHUNK, weighted_sums

ROOT = Path(__file__).resolve().parents[3]
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
DTYPES = (torch.float32, torch.bfloat16, torch.float16)


@pytest.fixture
def chance() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@pytest.fixture(autouse=True)
def _nothing_is_left_unwritten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory that a kernel should write holds nonsense before."""
    empty = Tensor.new_empty

    def poisoned(*arguments: Any, **options: Any) -> Tensor:
        made = empty(*arguments, **options)
        return made.fill_(torch.nan if made.is_floating_point() else torch.iinfo(made.dtype).max)

    monkeypatch.setattr(Tensor, "new_empty", poisoned)


@pytest.fixture
def by_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is float32 or less goes the way that it goes on CUDA."""
    for module in ("sparse.sparse_ops", "sparse.topk_select"):
        monkeypatch.setattr(f"models.{module}.use_kernels", lambda *tensors: all(t.dtype in DTYPES for t in tensors))


def close(found: Tensor, wanted: Tensor, size: Tensor) -> None:
    """To the rounding of the result and of float32 sums of terms whose absolute values sum to `size`."""
    error = (found.double().cpu() - wanted).abs()
    bound = torch.finfo(found.dtype).eps * wanted.abs() + 8 * torch.finfo(torch.float32).eps * size
    worst = (error - bound).max() if error.numel() else torch.zeros(())
    assert worst <= 0, f"{int((error > bound).sum())} entries are off, the worst by {error.max():.2e}"


# Sums

LENGTHS = {
    "one slot": [1],
    "no slot": [0, 0, 0],
    "ragged, the ends empty": [0, 3, 0, 0, 17, 1, 8, 9, 0],
    "as long as a piece, and a slot less and more": [SEGMENT_CHUNK, SEGMENT_CHUNK - 1, SEGMENT_CHUNK + 1],
    "many pieces between short ones": [5, 3 * SEGMENT_CHUNK + 7, 0, 2, 2 * SEGMENT_CHUNK, 1],
    "few slots of many segments": [0] * 400 + [2] + [0] * 199,
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("width", [1, 37, BLOCK_D + 1])
@pytest.mark.parametrize("lengths", LENGTHS.values(), ids=LENGTHS)
def test_sums_are_those_of_a_dense_product(
    chance: torch.Generator, lengths: list[int], width: int, dtype: torch.dtype
) -> None:
    lengths_S, n_rows = torch.tensor(lengths), 13  # fewer than the slots of a segment: rows come up more than once
    segments_M = torch.arange(len(lengths)).repeat_interleave(lengths_S)
    indices_M = torch.randint(0, n_rows, segments_M.shape, generator=chance)
    weights_M = torch.randn(segments_M.shape, generator=chance).to(dtype)
    rows_ND = torch.randn(n_rows, width, generator=chance).to(dtype)
    starts_S = lengths_S.cumsum(0) - lengths_S
    found = weighted_sums(*(t.to(DEVICE) for t in (rows_ND, indices_M, starts_S, weights_M)))
    dense_SN = torch.zeros(len(lengths), n_rows, dtype=torch.float64)
    wanted = dense_SN.index_put((segments_M, indices_M), weights_M.double(), accumulate=True) @ rows_ND.double()
    size_SN = dense_SN.index_put((segments_M, indices_M), weights_M.double().abs(), accumulate=True)
    assert found.dtype == dtype
    close(found, wanted, size_SN @ rows_ND.double().abs())


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("n_slots", "width"), [(0, 5), (1, 1), (15, 127), (16, 128), (17, 129), (100, 300)])
def test_dots_are_entries_of_a_dense_product(
    chance: torch.Generator, n_slots: int, width: int, dtype: torch.dtype
) -> None:
    x_TD, rows_FD = (torch.randn(n, width, generator=chance).to(dtype) for n in (9, 23))
    tokens_M, features_M = (torch.randint(0, n, (n_slots,), generator=chance) for n in (9, 23))
    places_M = torch.randperm(n_slots, generator=chance)
    found = row_dots(*(t.to(DEVICE) for t in (x_TD, rows_FD, tokens_M, features_M, places_M)))
    wanted, size = (
        torch.empty(n_slots, dtype=torch.float64).index_copy(0, places_M, (left @ right.T)[tokens_M, features_M])
        for left, right in ((x_TD.double(), rows_FD.double()), (x_TD.double().abs(), rows_FD.double().abs()))
    )
    close(found, wanted, size)


# The k largest

SIZES = [(1, 1), (7, 1), (7, 6), (50, 5), (DIRECT, 64), (DIRECT + 1, 1), (4999, 3), (4100, 1150)]
LARGE = [(20_000, 512), (70_003, 32), (131_072, 64)]
ROWS = {
    "all different": lambda n, width, chance: torch.randn(n, width, generator=chance),
    "many ties": lambda n, width, chance: torch.randint(-3, 4, (n, width), generator=chance) / 2,
    "all the same": lambda n, width, chance: torch.full((n, width), -1.5),
    "both zeros": lambda n, width, chance: torch.zeros(n, width) * torch.randn(n, width, generator=chance),
    "infinities": lambda n, width, chance: torch.randn(n, width, generator=chance).log(),  # NaN and -inf beside numbers
    "minus infinity": lambda n, width, chance: torch.full((n, width), -torch.inf),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("width", "k", "rows"),
    [pytest.param(*size, of, id=f"{size}-{name}") for size in SIZES for name, of in ROWS.items()]
    + [
        pytest.param(*size, ROWS[name], id=f"{size}-{name}")
        for size in LARGE
        for name in ("all different", "many ties")
    ],
)
def test_the_largest_are_the_first_of_a_stable_sort(
    chance: torch.Generator, width: int, k: int, rows, dtype: torch.dtype
) -> None:
    values_TF = rows(2, width, chance).to(dtype)
    found, places_TK = (t.cpu() for t in topk(values_TF.to(DEVICE), k))
    wanted_TK = values_TF.sort(dim=1, descending=True, stable=True).indices[:, :k].sort(1).values
    if k < width:
        assert torch.equal(places_TK, wanted_TK)
    assert torch.equal(places_TK.sort(1).values, wanted_TK)
    assert torch.equal(found.float().nan_to_num(7), values_TF.gather(1, places_TK).float().nan_to_num(7))


def test_more_candidates_than_fit_are_left_to_torch(chance: torch.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    width, k = 70_000, 6000
    assert k * block_size(width, k) > MOST or width / block_size(width, k) > MOST
    monkeypatch.delattr(of_kernels, "topk_in_blocks")
    values_TF = torch.randn(2, width, generator=chance)
    found, places_TK = (t.cpu() for t in topk(values_TF.to(DEVICE), k))
    assert torch.equal(found.sort(1, descending=True).values, values_TF.topk(k, dim=1).values)
    assert torch.equal(values_TF.gather(1, places_TK), found)


# As training uses them


def ragged(n_tokens: int, n_features: int, chance: torch.Generator) -> SparseEntries:
    """The first and the last token have no slot, nor have the last features; one feature has a slot on most tokens."""
    taken_TF = torch.rand(n_tokens, n_features, generator=chance) < 0.1
    taken_TF[:, 3] = torch.rand(n_tokens, generator=chance) < 0.9
    taken_TF[:, n_features // 2 :] = taken_TF[0] = taken_TF[-1] = False
    tokens_M, features_M = taken_TF.nonzero(as_tuple=True)
    return SparseEntries(features_M, tokens_M, n_tokens, n_features)


@pytest.mark.usefixtures("by_kernels")
@pytest.mark.parametrize("n_tokens", [3, 40, SEGMENT_CHUNK + 90])
def test_slots_answer_as_dense_products_do(chance: torch.Generator, n_tokens: int) -> None:
    n_features, width = 22, 35
    slots = ragged(n_tokens, n_features, chance)
    own = SparseEntries(slots.features_M.to(DEVICE), slots.tokens_M.to(DEVICE), n_tokens, n_features)
    x_TD, rows_FD, centre_D, bias_F, grad_TD = (
        torch.randn(*shape, generator=chance)
        for shape in ((n_tokens, width), (n_features, width), (width,), (n_features,), (n_tokens, width))
    )
    inputs = [t.to(DEVICE).requires_grad_() for t in (x_TD, rows_FD, centre_D, bias_F)]
    pre_M = own.products(inputs[0], inputs[2], inputs[1], inputs[3])
    found_TD = own.combine(pre_M, inputs[1])
    found = torch.autograd.grad(found_TD, inputs, grad_TD.to(DEVICE))

    wholes = [t.double().requires_grad_() for t in (x_TD, rows_FD, centre_D, bias_F)]
    mask_TF = torch.zeros(n_tokens, n_features, dtype=torch.float64)
    mask_TF[slots.tokens_M, slots.features_M] = 1
    pre_TF = ((wholes[0] - wholes[2]) @ wholes[1].T + wholes[3]) * mask_TF
    wanted = torch.autograd.grad(pre_TF @ wholes[1], wholes, grad_TD.double())
    wanted_M = pre_TF[slots.tokens_M, slots.features_M]
    torch.testing.assert_close(pre_M.double().cpu(), wanted_M, rtol=1e-5, atol=1e-4)
    for number, name in enumerate(("x", "rows", "centre", "bias")):
        torch.testing.assert_close(found[number].double().cpu(), wanted[number], rtol=1e-4, atol=1e-3, msg=name)
    assert not found[1][n_features // 2 :].any(), "features without a slot must get exactly zero"
    assert torch.equal(scatter(pre_M, inputs[0], own), scatter(pre_M, inputs[0], own))


def first_of_a_stable_sort(pre_TF: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """`topk` keeps any of what ties, and bfloat16 ties often."""
    top = pre_TF.sort(dim=1, descending=True, stable=True)
    return top.values[:, :k], top.indices[:, :k]


@pytest.mark.parametrize("matmul", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("name", ["topk", "batchtopk", "jumprelu", "matryoshka_batchtopk"])
def test_a_loss_and_its_gradients_are_the_same_by_kernels(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, name: str, matmul: torch.dtype
) -> None:
    """With a third of the features dead, more than are revived at once."""
    if matmul == torch.bfloat16 and DEVICE.type == "cuda":
        pytest.skip("products of another device are rounded otherwise, and other features are chosen")
    n_features, width, chance = 96, 24, torch.Generator().manual_seed(0)
    sae = architecture(name).build(SAESettings(n_features=n_features, k=4, architecture=name), width, chance)  # type: ignore[arg-type]
    x_TD = 2 * torch.randn(30, width, generator=chance)
    dead_F = torch.rand(n_features, generator=chance) < 1 / 3
    assert dead_F.sum() > width // 2

    def gradients(device: torch.device) -> dict[str, Tensor]:
        moved = sae.to(device)
        moved.zero_grad()
        x = x_TD.to(device)
        outcome = moved.loss(x, x, StepContext(0, 1, dead_F.to(device), 1 / 32, matmul))
        outcome.loss.backward()
        known = {key: p.grad.cpu().clone() for key, p in moved.named_parameters() if p.grad is not None}
        return known | {"loss": outcome.loss.detach().cpu(), "error": outcome.error_TE.cpu()}

    with monkeypatch.context() as patched:
        patched.setattr("models.sparse.topk_select.fast_topk", first_of_a_stable_sort)
        wanted = gradients(torch.device("cpu"))
    request.getfixturevalue("by_kernels")
    found = gradients(DEVICE)
    assert found.keys() == wanted.keys()
    for key, value in wanted.items():
        torch.testing.assert_close(found[key], value, rtol=1e-4, atol=1e-5, msg=lambda text, key=key: f"{key}: {text}")


# Machine code

COMPILE = """
import pathlib, subprocess, tempfile
from triton import compile, knobs
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from models.sparse.kernels import block_maxima, block_topk, row_dots, weighted_sums

SUMS = "rows:*fp32 indices:*i64 weights:*fp32 begins:*i64 ends:*i64 out:*fp32 width:i32"
ADDED = "out:*fp32 segments:*i64 counts:*i64 n_segments:i32 width:i32"
DOTS = "left:*fp32 right:*fp32 lefts:*i64 rights:*i64 places:*i64 out:*fp32 n_slots:i32 width:i32"
CHOSEN = "blocks:*i32 places:*i32 width:i32"
ALL = [
    (weighted_sums._sum_pieces, SUMS, dict(BLOCK_M=8, BLOCK_D=256)),
    (weighted_sums._sum_pieces, SUMS.replace("width:i32", ""), dict(width=1, BLOCK_M=8, BLOCK_D=256)),
    (weighted_sums._sum_pieces, SUMS.replace("*fp32", "*bf16"), dict(BLOCK_M=8, BLOCK_D=256)),
    (weighted_sums._add_pieces, ADDED, dict(BLOCK_D=256)),
    (row_dots._dots, DOTS, dict(BLOCK_M=16, BLOCK_D=128)),
    (block_maxima._maxima, "values:*bf16 out:*i16 width:i32 n_blocks:i32", dict(BLOCK_N=128, BLOCK_B=32, BITS=16)),
    (block_maxima._maxima, "values:*fp32 out:*i32 width:i32 n_blocks:i32", dict(BLOCK_N=4096, BLOCK_B=1, BITS=32)),
    (block_topk._strongest, f"candidates:*i16 k:i32 {CHOSEN}", dict(N=2048, BLOCK=0, RANKED=True, BITS=16)),
    (block_topk._strongest, f"candidates:*bf16 k:i32 {CHOSEN}", dict(N=2048, BLOCK=32, RANKED=False, BITS=16)),
    (block_topk._strongest, f"candidates:*fp32 {CHOSEN}", dict(k=1, N=64, BLOCK=64, RANKED=False, BITS=32)),
    (block_topk._strongest, f"candidates:*fp32 k:i32 {CHOSEN}", dict(N=8192, BLOCK=16, RANKED=False, BITS=32)),
]
for kernel, pointers, constants in ALL:
    signature = dict(word.split(":") for word in pointers.split())
    aligned = {(kernel.arg_names.index(name),): [["tt.divisibility", 16]] for name in signature if name != "k"}
    constexprs = {(kernel.arg_names.index(name),): value for name, value in constants.items()}
    source = ASTSource(kernel, signature | dict.fromkeys(constants, "constexpr"), constexprs, aligned)
    warps = min(16, max(1, constants["N"] // 512)) if "N" in constants else 4
    made = compile(source, target=GPUTarget("cuda", CAPABILITY, 32), options={"num_warps": warps})
    assert made.asm["cubin"], kernel
    assert "atom." not in made.asm["ptx"], f"{kernel} adds atomically: its sums depend on who comes first"
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        pathlib.Path(file.name).write_bytes(made.asm["cubin"])
        command = [knobs.nvidia.cuobjdump.path, "--dump-resource-usage", file.name]
        usage = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert " STACK:0 " in usage, f"{kernel} keeps in memory what does not fit into registers: {usage}"
    print(kernel.__name__)
"""


@pytest.mark.parametrize("capability", [80, 90])
def test_kernels_become_machine_code_of_a_gpu_that_is_not_there(capability: int, tmp_path: Path) -> None:
    """Of an A100 and an H100, by the assembler that comes with Triton: no atomics, nothing spilled from registers."""
    environment = os.environ | {"TRITON_INTERPRET": "0", "TRITON_CACHE_DIR": str(tmp_path)}
    script = tmp_path / "compiled.py"
    script.write_text(COMPILE.replace("CAPABILITY", str(capability)))
    done = subprocess.run(
        [sys.executable, str(script)],
        env=environment | {"PYTHONPATH": f"{ROOT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.split()) == 11
