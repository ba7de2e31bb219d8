"""Whether two tensors differ by no more than the order in which a few numbers were added."""

import torch
from torch import Tensor


def equal_up_to_rounding(a: Tensor, b: Tensor, roundings: int = 8) -> bool:
    """Whether a is b up to some roundings of b's largest entry in the dtype of a: as many as a few additions make.

    NaN, which broken weights make, counts as equal to itself.
    """
    largest = float(b.abs().nan_to_num(0, 0, 0).max())
    bound = roundings * torch.finfo(a.dtype).eps * largest
    return torch.allclose(a, b.to(a), rtol=0, atol=bound, equal_nan=True)
