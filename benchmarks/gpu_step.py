"""One TopK training step on a GPU: tokens a second, the encoder product's share, memory; with and without kernels.

    python -m benchmarks.gpu_step [--features N ...] [--batch N ...] [--steps N]

Aim: the step takes at most twice what the bfloat16 product of the encoder alone takes. Beside it the same step by
torch's own operations, what each part of the step takes by itself, what feeding it from memory of the CPU costs, and
SAELens, where GLASSHOUSE_PEER_PYTHON names a Python that has it.

Axes: T tokens, D width, F features, K features per token.
"""

import argparse
import itertools
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, nullcontext
from pathlib import Path
from unittest.mock import patch

import safetensors.torch
import torch
from torch import Tensor

from benchmarks.peers.process import peer, present
from benchmarks.train_step import STEPS, Ours, sparse_mixture
from models.activations.prefetch import read_ahead
from models.device import default_device
from models.dictionaries.base import SparseDictionary
from models.dictionaries.config import SAESettings
from models.sparse.sparse_ops import SparseEntries, scatter
from models.sparse.topk_select import fast_topk
from models.training.config import TrainingSettings
from models.training.schedule import TrainingSchedule

WIDTH, K = 2304, 64
FEATURES, BATCHES = (65_536, 131_072), (8192, 16_384, 32_768)
POOL = 65_536
"""Tokens of the pool that batches are taken from."""
WARM = 5


@contextmanager
def torch_alone() -> Iterator[None]:
    """While the block lasts no kernel of ours is taken."""
    with (
        patch("models.sparse.sparse_ops.use_kernels", return_value=False),
        patch("models.sparse.topk_select.use_kernels", return_value=False),
    ):
        yield


def milliseconds(way: Callable[[], object], rounds: int) -> float:
    """Median, by the GPU's clock."""
    events = [(torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)) for _ in range(rounds)]
    for _ in range(WARM):
        way()
    for began, ended in events:
        began.record()
        way()
        ended.record()
    torch.cuda.synchronize()
    return sorted(began.elapsed_time(ended) for began, ended in events)[rounds // 2]


def seconds_a_step(run: Ours, steps: int) -> float:
    """Mean over consecutive steps, by the clock."""
    run.steps(WARM)
    began = time.perf_counter()
    run.steps(steps)
    return (time.perf_counter() - began) / steps


def product_seconds(x_TD: Tensor, n_features: int, rounds: int) -> float:
    """What the encoder's product takes, in bfloat16."""
    left_TD = x_TD.bfloat16()
    encoder_FD = torch.randn(n_features, WIDTH, device=x_TD.device, dtype=torch.bfloat16)
    return milliseconds(lambda: left_TD @ encoder_FD.T, rounds) / 1e3


def parts(run: Ours, batch: int, rounds: int) -> dict[str, float]:
    """What the parts of a step take by themselves, in milliseconds."""
    sae = run.run.sae
    assert isinstance(sae, SparseDictionary)
    x_TD = next(run.batches)[:batch].float()
    encoder_FD, W_dec = sae.encoder_FD.detach(), sae.W_dec.detach()
    left, right = x_TD.bfloat16(), encoder_FD.bfloat16()
    n_rows = max(1, min(batch, 2**29 // len(right)))
    pre_TF = left[:n_rows] @ right.T
    found = fast_topk(pre_TF, K)[1]
    slots = SparseEntries.of(found.repeat(batch // n_rows + 1, 1)[:batch], len(right))
    weights_M = torch.rand(len(slots.features_M), device=x_TD.device)
    no_centre, no_bias = x_TD.new_zeros(()), x_TD.new_zeros(len(right))

    def ordered() -> Tensor:
        return SparseEntries(slots.features_M, slots.tokens_M, batch, len(right)).by_feature[0]

    timed: dict[str, Callable[[], object]] = {
        f"the k largest of {n_rows:,} rows": lambda: fast_topk(pre_TF, K),
        "slots by feature": ordered,
        "values of slots": lambda: slots.products(x_TD, no_centre, encoder_FD, no_bias),
        "decoding": lambda: slots.combine(weights_M, W_dec),
        "gradient of a weight": lambda: scatter(weights_M, x_TD, slots),
    }
    with torch.no_grad():
        return {name: milliseconds(way, rounds) for name, way in timed.items()}


def fed(run: Ours, x_TD: Tensor, batch: int, steps: int) -> float:
    """Seconds a step where batches come from memory of the CPU, read ahead."""
    whole = itertools.islice(itertools.cycle(x_TD.bfloat16().split(batch)), WARM + steps)
    with closing(read_ahead(whole, run.run.device)) as batches:
        for rows_TD in itertools.islice(batches, WARM):
            run.run.advance(rows_TD)
        torch.cuda.synchronize()
        began = time.perf_counter()
        for rows_TD in batches:
            run.run.advance(rows_TD)
        torch.cuda.synchronize()
    return (time.perf_counter() - began) / steps


def saelens(x_TD: Tensor, n_features: int, batch: int, steps: int) -> tuple[float, int]:
    """Seconds a step of SAELens, which holds codes densely and may not fit, and bytes that its process holds."""
    settings = TrainingSettings(tokens=STEPS * batch, batch_tokens=batch)
    plan = TrainingSchedule.of(settings, WIDTH, torch.device("cuda"), K / n_features)
    options = {"architecture": "topk", "d_in": WIDTH, "d_sae": n_features, "k": K, "batch": batch, "lr": plan.peak}
    options |= {"warmup": plan.warmup, "decay": STEPS - plan.decay, "steps": STEPS, "seed": 0, "device": "cuda"}
    options |= {"threads": torch.get_num_threads(), "groups": [1.0], "settings": {}}
    with ExitStack() as stack:
        tokens = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "tokens.safetensors"
        safetensors.torch.save_file({"x_TD": x_TD, "unseen_TD": x_TD[:1024].clone()}, tokens)
        free = torch.cuda.mem_get_info()[0]
        process = stack.enter_context(peer("SAELens", tokens, options))
        process.ask(str(WARM))
        return process.ask(str(steps)) / steps, free - torch.cuda.mem_get_info()[0]


def measure(x_TD: Tensor, n_features: int, batch: int, steps: int, *, against_saelens: bool) -> list[str]:
    """Rows of the table for one size; prints the parts of a step."""
    device, rows = torch.device("cuda"), []
    sae = SAESettings(architecture="topk", n_features=n_features, k=K)
    product = product_seconds(x_TD[:batch].to(device), n_features, steps)
    tflops = 2 * batch * WIDTH * n_features / product / 1e12
    size = f"{n_features:,} | {batch:,}"

    def row(way: str, seconds: float, held: int | None = None) -> None:
        memory = "" if held is None else f"{held / 2**30:.1f} GiB"
        rows.append(
            f"| {size} | {way} | {batch / seconds:,.0f} | {seconds * 1e3:.2f} | {product / seconds:.2f} | {memory} |"
        )

    row(f"encoder product, bfloat16 ({tflops:,.0f} TFLOP/s)", product)
    for way, context in (("ours", nullcontext), ("ours, torch's operations alone", torch_alone)):
        with context():
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()
            run = Ours(x_TD, sae, batch, "bfloat16", device)
            row(way, seconds_a_step(run, steps), torch.cuda.max_memory_allocated())
            taken = parts(run, batch, steps)
            print(f"F {size}, {way}: " + ", ".join(f"{name} {ms:.2f} ms" for name, ms in taken.items()), flush=True)
            if way == "ours":
                row("ours, read ahead from memory of the CPU", fed(run, x_TD, batch, steps))
            del run
    if against_saelens:
        torch.cuda.empty_cache()
        try:
            row("SAELens (memory: of the process)", *saelens(x_TD, n_features, batch, steps))
        except RuntimeError as error:
            rows.append(f"| {size} | SAELens: {error} |" + " |" * 4)
    return rows


HEADER = "| F | B | way | tokens/s | ms a step | encoder product / step | peak memory |\n|" + "---|" * 7


def main(arguments: Sequence[str] = ()) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu_step", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--features", type=int, nargs="+", default=FEATURES)
    parser.add_argument("--batch", type=int, nargs="+", default=BATCHES)
    parser.add_argument("--steps", type=int, default=20, help="steps that are timed")
    given = parser.parse_args(arguments)
    if not 1 <= given.steps <= STEPS // 2 - WARM:
        parser.error(f"--steps {given.steps} does not fit twice into a run of {STEPS}: {STEPS // 2 - WARM} at most")
    if default_device().type != "cuda":
        print("This benchmark needs a CUDA GPU, and torch sees none here: nothing was measured.", flush=True)
        return
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}, d {WIDTH}, k {K}", flush=True)
    against_saelens = "SAELens" in present()
    x_TD = sparse_mixture(POOL, WIDTH)
    lines = [HEADER]
    for n_features, batch in itertools.product(given.features, given.batch):
        lines += measure(x_TD, n_features, batch, given.steps, against_saelens=against_saelens)
    print("\n" + "\n".join(lines), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
