"""The k largest pre-activations of each token, without keeping the pre-activations.

They are computed for as many tokens at a time as stay in a fixed amount of memory, and forgotten once the k largest are
known.

Axes: T tokens, D width, F features, K features kept per token.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

TILE = {"cpu": 2**23, "cuda": 2**29}
"""Pre-activations held at once. Measured on a CPU: smaller tiles cost up to a quarter of the product's speed."""


def multiplies_bfloat16(device: torch.device) -> bool:
    """Whether the device multiplies bfloat16 natively, faster than float32."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    capability = torch.cpu.get_capabilities() if device.type == "cpu" else {}
    return bool(capability.get("avx512_bf16") or capability.get("amx_bf16"))


def preactivations(x_TD: Tensor, encoder_FD: Tensor, b_enc_F: Tensor) -> Iterator[Tensor]:
    """`x @ encoder.T + b_enc`, some tokens at a time; the next tile overwrites the last."""
    rows = max(1, TILE.get(x_TD.device.type, TILE["cpu"]) // len(encoder_FD))
    buffer = x_TD.new_empty(min(rows, len(x_TD)), len(encoder_FD))
    for tile_TD in x_TD.split(rows):
        yield torch.addmm(b_enc_F, tile_TD, encoder_FD.T, out=buffer[: len(tile_TD)])


@torch.no_grad()
def select(
    x_TD: Tensor, encoder_FD: Tensor, b_enc_F: Tensor, k: int, matmul: torch.dtype = torch.float32
) -> tuple[Tensor, Tensor]:
    """The k largest pre-activations of each token, in no order, and their features.

    `matmul` is the precision of the product. Below float32 the choice of features is approximate where the k-th and the
    next pre-activation nearly tie, and the values are rounded: take them anew by `sparse.products`.
    """
    parts = [
        pre_TF.topk(k, dim=1, sorted=False)
        for pre_TF in preactivations(x_TD.to(matmul), encoder_FD.to(matmul), b_enc_F.to(matmul))
    ]
    return torch.cat([part.values for part in parts]), torch.cat([part.indices for part in parts])
