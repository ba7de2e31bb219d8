"""Float32 products by MKL, by oneDNN and as this machine chooses them, in the shapes of a harvest and of training.

Each product's result is a new tensor; with `THP_MEM_ALLOC_ENABLE=0` it lies in pages of 4 kB.
"""

import torch

from benchmarks.side_by_side import medians
from models.cpu_products import mkl_is_slow, product

SHAPES = {
    "harvest, MLP in": (8192, 256, 1024),
    "harvest, MLP out": (8192, 1024, 256),
    "harvest, d 576": (8192, 576, 1536),
    "a prompt, d 576": (16, 576, 1536),
    "encoder, F 4,096": (4096, 256, 4096),
    "decoder, F 4,096": (4096, 4096, 256),
    "encoder, F 16,384": (1024, 768, 16384),
}
"""Rows, summed over, columns."""


def main() -> None:
    chance = torch.Generator().manual_seed(0)
    cpu = torch.cpu.get_capabilities().get("cpu_name")
    print(f"{cpu}, {torch.get_num_threads()} threads; MKL is slow here: {mkl_is_slow()}")
    for name, (n, k, m) in SHAPES.items():
        a, b = torch.randn(n, k, generator=chance), torch.randn(m, k, generator=chance)
        rounds = 9 if n > 100 else 99
        seconds = medians(
            {
                "MKL": lambda a=a, b=b, n=n, m=m: torch.mm(a, b.T, out=torch.empty(n, m)),
                "oneDNN": lambda a=a, b=b: product(a, b.T),
                "chosen": lambda a=a, b=b: a @ b.T,
            },
            rounds=rounds,
        )
        rates = "  ".join(f"{way} {2e-9 * n * k * m / taken:5.0f} GFLOP/s" for way, taken in seconds.items())
        ratio = seconds["MKL"] / seconds["chosen"]
        print(f"{name:20s} {n:5d} x {k:4d} x {m:5d}  {rates}  {ratio:.2f} x MKL", flush=True)
