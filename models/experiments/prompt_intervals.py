"""95 % intervals over prompts, of which those of one group are alike and are drawn together.

N prompts, G groups.
"""

from collections.abc import Sequence

import numpy as np

from models.experiments.prompt_encoding import EncodedPrompt
from models.numerics.bootstrap import ratio_interval


def prompt_interval(
    prompts: Sequence[EncodedPrompt], numerator_N: np.ndarray, denominator_N: np.ndarray, seed: int
) -> tuple[float | None, float | None]:
    """Both ends of the interval of a ratio of sums over prompts; a prompt without a group is one of its own.

    Args:
        prompts: Where the groups stand.
        numerator_N: Of each prompt; of a mean its value.
        denominator_N: Of each prompt; of a mean 1.

    Returns:
        Two nulls where there are fewer than two groups.
    """
    _, group_N = np.unique([prompt.group_name for prompt in prompts], return_inverse=True)
    sums = [np.bincount(group_N, values_N) for values_N in (numerator_N, denominator_N)]
    return ratio_interval(sums[0], sums[1], seed) or (None, None)
