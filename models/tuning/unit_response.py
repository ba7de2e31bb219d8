"""What the units of a map answer to drawn stimuli, at the middle of the picture.

S stimuli, N pictures of a batch, U units, H and W places of the map.
"""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from models.tuning.stimulus import GREY, Stimulus

SiteMap = Callable[[Tensor], Tensor]
"""Pictures (N, 3, size, size) between 0 and 1 to the values of a site (N, U, H, W)."""


def stimulus_responses(
    site_map: SiteMap, stimuli: Sequence[Stimulus], size: int, reach: float = 4.0, batch: int = 32
) -> Tensor:
    """What each unit says of each stimulus, less what it says of a grey picture, (S, U).

    Args:
        site_map: The model up to a site.
        stimuli: What is shown.
        size: Pixels of a picture's side.
        reach: Pixels around the middle within which the strongest place counts, and at least one place of the map on
            each side: a stroke is thinner than what a unit looks at, and where in it a unit likes it best is not known;
            in early blocks the middle alone makes curve detectors of units that only see a stroke at one place. 0 takes
            the middle alone.
        batch: Pictures of one pass.
    """
    with torch.no_grad():
        blank_U = middle_responses(site_map(torch.full((1, 3, size, size), GREY)), size, reach)[0]
        parts = []
        for start in range(0, len(stimuli), batch):
            pictures = torch.stack([each.drawn(size) for each in stimuli[start : start + batch]])
            parts.append(middle_responses(site_map(pictures), size, reach).cpu())
    return torch.cat(parts) - blank_U.cpu()


def middle_responses(map_NUHW: Tensor, size: int, reach: float) -> Tensor:
    """The strongest value of each unit among the places near the middle, (N, U)."""
    rows, columns = (_near_middle(n, size, reach) for n in map_NUHW.shape[-2:])
    return map_NUHW[..., rows, columns].amax((-2, -1))


def _near_middle(n: int, size: int, reach: float) -> slice:
    steps = math.ceil(reach * n / size)
    return slice(max(n // 2 - steps, 0), n // 2 + steps + 1)
