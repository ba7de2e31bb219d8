"""In which band a feature's rate lies over draws of the texts that it is measured on.

Axes: C contexts, G groups of them, W watched features, B draws.
"""

from collections.abc import Sequence

import numpy as np

DRAWS = 2000


def rate_band(
    firings_CW: np.ndarray, tokens_C: np.ndarray, group_C: Sequence[str], share: float, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper ends of each feature's rate over draws of groups, for all features at once: the share outside is
    divided among them (Bonferroni).

    Args:
        firings_CW: Tokens of each context on which each feature fires.
        tokens_C: Tokens of each context.
        group_C: Contexts of one group are drawn together: they are alike.
        share: Of the draws, that the bands of all features hold together at least.
        seed: Of the draws.
    """
    names, number_C = np.unique(np.asarray(group_C), return_inverse=True)
    firings_GW, tokens_G = np.zeros((len(names), firings_CW.shape[1])), np.zeros(len(names))
    np.add.at(firings_GW, number_C, firings_CW)
    np.add.at(tokens_G, number_C, tokens_C)
    chance = np.random.default_rng(seed)
    # How often each group is drawn; a draw of groups with repetition is a multinomial one.
    times_BG = chance.multinomial(len(names), np.full(len(names), 1 / len(names)), size=DRAWS)
    rate_BW = (times_BG @ firings_GW) / (times_BG @ tokens_G)[:, None]
    outside = (1 - share) / max(firings_CW.shape[1], 1) / 2
    low_W, high_W = np.quantile(rate_BW, [outside, 1 - outside], axis=0)
    return low_W, high_W
