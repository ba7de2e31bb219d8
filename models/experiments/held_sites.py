"""What a model's site holds over the windows of a corpus, kept in memory for something that is fitted on it.

T tokens, D width.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from models.language_model.hooked_model import HookedModel
from models.language_model.sites import Site
from models.training.memory_estimate import free_bytes

TOGETHER = 16
"""Windows that are read in one pass."""
HELD = torch.float16
"""Two bytes a number; what is larger than it holds is refused."""


@torch.no_grad()
def read_windows(host: HookedModel, site: Site, windows: Sequence[tuple[int, ...]], n_special: int) -> Tensor:
    """Activations of the windows' own tokens, in their order.

    Raises:
        ValueError: If a value is too large to be held.
    """
    parts = []
    for first in range(0, len(windows), TOGETHER):
        with host.capture([site]) as found:
            host.forward(torch.tensor(windows[first : first + TOGETHER]))
        held = found[site][:, n_special:].flatten(0, 1).to(HELD).cpu()
        if not held.isfinite().all():
            raise ValueError(f"{site} holds values above {torch.finfo(HELD).max:,.0f}: read another site")
        parts.append(held)
    return torch.cat(parts)


def check_held(n_tokens: int, width: int, setting: str) -> None:
    """Refuses more activations than memory has room for, before any is read.

    Raises:
        ValueError: Naming both sizes.
    """
    wanted, there = 3 * 2 * n_tokens * width, free_bytes(torch.device("cpu"))  # once held, once joined, once shuffled
    if wanted > there:
        raise ValueError(
            f"{n_tokens:,} tokens of width {width:,} take {wanted / 2**30:.1f} GiB to be held, and {there / 2**30:.1f} "
            f"are free: lower {setting}"
        )
