"""A GPU computes what the CPU does: sparse arithmetic to rounding, training to what rounding grows to."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from planted import Pool, fvu, planted
from torch import Tensor

from models.dictionaries.config import SAESettings
from models.sparse.sparse_ops import SparseEntries, scatter
from models.sparse.topk_select import fast_topk
from models.training.config import TrainingSettings
from models.training.trainer import TrainedDictionary, train
from storage.folder import Folder

pytestmark = [pytest.mark.gpu]
T, D, F, K = 3000, 300, 5000, 24


@pytest.fixture
def chance() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def slots_of(features_TK: Tensor) -> SparseEntries:
    return SparseEntries.of(features_TK, F)


def test_slots_answer_as_on_the_cpu(chance: torch.Generator) -> None:
    """One feature stands in the code of every token."""
    features_TK = torch.rand(T, F - 1, generator=chance).topk(K, dim=1).indices + 1
    features_TK[:, 0] = 0
    tensors = [torch.randn(*shape, generator=chance) for shape in ((T, D), (D,), (F, D), (F,))]
    grad_TD = torch.randn(T, D, generator=chance)

    def answers(device: str) -> list[Tensor]:
        slots = slots_of(features_TK.to(device))
        x_TD, centre_D, rows_FD, bias_F = (t.to(device).requires_grad_() for t in tensors)
        pre_M = slots.products(x_TD, centre_D, rows_FD, bias_F)
        decoded_TD = slots.combine(pre_M, rows_FD)
        gradients = torch.autograd.grad(decoded_TD, (x_TD, centre_D, rows_FD, bias_F), grad_TD.to(device))
        return [t.detach().cpu() for t in (pre_M, decoded_TD, *gradients)]

    for found, wanted, again in zip(answers("cuda"), answers("cpu"), answers("cuda"), strict=True):
        assert (found - wanted).norm() < 1e-5 * wanted.norm()
        assert torch.equal(found, again), "the same, repeated, must be the same bit for bit"


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_same_are_largest_as_on_the_cpu(chance: torch.Generator, dtype: torch.dtype) -> None:
    for width, k in ((8192, 32), (65_536, 64), (131_072, 64), (65_536, 1152), (5001, 512)):
        pre_TF = torch.randn(64, width, generator=chance).to(dtype)
        values_TK, places_TK = (t.cpu() for t in fast_topk(pre_TF.cuda(), k))
        assert torch.equal(pre_TF.gather(1, places_TK), values_TK)
        assert torch.equal(values_TK.sort(1).values, pre_TF.topk(k, dim=1).values.sort(1).values)


def test_where_nothing_fits_a_32_bit_offset_places_are_still_right() -> None:
    """Rows that begin beyond 2^31 entries."""
    wide_TF = torch.zeros(2**15 + 8, 2**16, dtype=torch.bfloat16, device="cuda")
    wide_TF[-1, 65_000] = wide_TF[-1, 5] = 1
    assert fast_topk(wide_TF, 2)[1][-1].tolist() == [5, 65_000]
    del wide_TF
    rows_FD = torch.zeros(2**20 + 8, 2**11, device="cuda")
    rows_FD[-1] = 1
    slots = SparseEntries.of(torch.tensor([[2**20 + 7]], device="cuda"), len(rows_FD))
    weight_M = torch.ones(1, device="cuda")
    assert torch.equal(slots.combine(weight_M, rows_FD), torch.ones(1, 2**11, device="cuda"))
    del rows_FD
    assert torch.equal(scatter(weight_M, torch.ones(1, 2**11, device="cuda"), slots)[-1:].sum(), weight_M.sum() * 2**11)


@pytest.fixture(scope="module")
def pool() -> Pool:
    return Pool(planted(16_384, width=64, n_true=256, l0=8)[1])


def trained(pool: Pool, folder: Path, device: str, name: str, steps: int, matmul: str) -> TrainedDictionary:
    sae = SAESettings(architecture=name, n_features=512, k=8)  # type: ignore[arg-type]
    training = TrainingSettings(
        tokens=steps * 512,
        batch_tokens=512,
        encoder_matmul_dtype=matmul,  # type: ignore[arg-type]
        dead_after_tokens=4096,
    )
    return train(sae, training, pool, Folder(str(folder)), lambda row: None, device)


@pytest.mark.parametrize(
    ("name", "of_loss", "of_weights"), [("topk", 1e-3, 1e-2), ("jumprelu", 1e-3, 1e-2), ("batchtopk", 1e-2, 5e-2)]
)
def test_a_few_steps_of_float32_end_where_they_do_on_the_cpu(
    pool: Pool, tmp_path: Path, name: str, of_loss: float, of_weights: float
) -> None:
    """20 steps. On a CPU activations that differ by 1e-6 end in weights that differ by 2e-6, BatchTopK's by 8e-3: one
    rounding chooses another slot of the whole batch, and Adam turns a small gradient into a whole step."""
    found = trained(pool, tmp_path / "gpu", "cuda", name, 20, "float32")
    wanted = trained(pool, tmp_path / "cpu", "cpu", name, 20, "float32")
    for mine, theirs in zip(found.curve, wanted.curve, strict=True):
        assert mine.loss == pytest.approx(theirs.loss, rel=of_loss)
    for key, weights in wanted.sae.tensors().items():
        error = (found.sae.tensors()[key].cpu() - weights).norm() / weights.norm().clamp_min(1e-3)
        assert error < of_weights, f"{key} differs by {error:.4f} of its norm"


@pytest.mark.parametrize("matmul", ["float32", "bfloat16"])
def test_a_run_learns_as_much_as_on_the_cpu(pool: Pool, tmp_path: Path, matmul: str) -> None:
    """300 steps, after which roundings have chosen other features: the unexplained fraction to 2 in 100."""
    fvus = []
    for device in ("cuda", "cpu"):
        sae = trained(pool, tmp_path / device, device, "topk", 300, matmul).sae.cpu()
        with torch.no_grad():
            fvus.append(fvu(pool.x_TD, sae(pool.x_TD)))
    assert fvus[0] == pytest.approx(fvus[1], rel=0.02), f"FVU is {fvus[0]:.4f} on the GPU, {fvus[1]:.4f} on the CPU"
    assert fvus[0] < 0.5


def test_a_stopped_run_on_a_gpu_goes_on_and_leaves_no_thread(pool: Pool, tmp_path: Path) -> None:
    import threading

    class Stop(Exception):
        pass

    class Stopping(Pool):
        def batches(self, batch: int, seed: int, start: int = 0) -> Iterator[Tensor]:
            for number, rows_TD in enumerate(super().batches(batch, seed, start)):
                if number == 7:
                    raise Stop
                yield rows_TD

    before = threading.active_count()
    with pytest.raises(Stop):
        trained(Stopping(pool.x_TD), tmp_path, "cuda", "topk", 20, "float32")
    assert threading.active_count() == before
    assert trained(pool, tmp_path, "cuda", "topk", 20, "float32").n_tokens == 20 * 512
