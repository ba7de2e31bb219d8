"""The drawn stimulus that each of some units likes best: its drawings that chose it, and others that did not.

U units, A angles, P sizes, R replicates.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from models.tuning.stimulus_set import StimulusGrid, StimulusKind, StimulusSet
from models.tuning.unit_response import SiteMap, stimulus_responses


@dataclass(frozen=True, slots=True)
class PreferredStimulus:
    """What one unit answers to most."""

    kind: str
    angle: float
    size: float
    choosing: Sequence[Tensor]
    """The first half of its drawings, by which it was chosen, each (3, H, W)."""
    reporting: Sequence[Tensor]
    """The second half."""


def preferred_stimuli(
    units: SiteMap, kinds: Sequence[StimulusKind], grid: StimulusGrid, size: int, reach: float
) -> list[PreferredStimulus]:
    """For each unit the kind, angle and size with the largest mean answer over the first half of the replicates."""
    sets = [StimulusSet.of(kind, grid) for kind in dict.fromkeys(kinds)]
    half = grid.replicates // 2
    means = []
    for found in sets:
        response_SU = stimulus_responses(units, found.stimuli, size, reach).numpy()
        means.append(response_SU.T.reshape(-1, *found.shape)[..., :half].mean(-1))
    answers = []
    for unit in range(len(means[0])):
        best = int(np.argmax([mean_UAP[unit].max() for mean_UAP in means]))
        found = sets[best]
        a, p = (int(each) for each in np.unravel_index(means[best][unit].argmax(), means[best][unit].shape))
        first = (a * len(found.size_P) + p) * grid.replicates
        drawn = [each.drawn(size) for each in found.stimuli[first : first + grid.replicates]]
        angle, scale = float(found.angle_A[a]), float(found.size_P[p])
        answers.append(PreferredStimulus(found.kind, angle, scale, drawn[:half], drawn[half:]))
    return answers
