"""Whether the kernels of a GPU take a piece of work: the only place that decides it, without importing them.

They are written in Triton, which torch brings along where it is built for CUDA. Elsewhere, and for float64, torch's own
operations stand.
"""

import importlib.util
from functools import cache

import torch
from torch import Tensor

DTYPES = (torch.float32, torch.bfloat16, torch.float16)


@cache
def _installed() -> bool:
    return importlib.util.find_spec("triton") is not None


def use_kernels(*tensors: Tensor) -> bool:
    """Whether there are kernels for tensors that live here and look so."""
    return all(tensor.is_cuda and tensor.dtype in DTYPES for tensor in tensors) and _installed()
