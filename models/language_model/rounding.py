"""Whether two tensors differ by no more than the order in which a few numbers were added."""

import torch
from torch import Tensor


def equal_up_to_rounding(a: Tensor, b: Tensor) -> bool:
    """Whether a is b up to the rounding of a few additions in the dtype of a.

    NaN, which broken weights make, counts as equal to itself.
    """
    largest = b.abs().nan_to_num(0, 0, 0).max()
    return torch.allclose(a, b.to(a), rtol=0, atol=8 * torch.finfo(a.dtype).eps * float(largest), equal_nan=True)
