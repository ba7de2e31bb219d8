"""How alike two models' activations on the same places are, whatever their axes.

Axes: S places, D and E widths, K kept directions.
"""

import numpy as np


def linear_cka(x_SD: np.ndarray, y_SE: np.ndarray) -> float:
    """Centred kernel alignment with linear kernels: ||Y'X||^2 / (||X'X|| ||Y'Y||); 1 where the one is a rotation and
    scaling of the other.

    Source: Kornblith et al. 2019, "Similarity of Neural Network Representations Revisited" (arXiv:1905.00414).
    """
    x, y = (each - each.mean(0) for each in (x_SD.astype(np.float64), y_SE.astype(np.float64)))
    cross, own, others = (np.linalg.norm(a.T @ b) for a, b in ((y, x), (x, x), (y, y)))
    return float(cross**2 / (own * others)) if own * others > 0 else 0.0


def svcca(x_SD: np.ndarray, y_SE: np.ndarray, kept_variance: float = 0.99) -> float:
    """The mean canonical correlation of the directions that hold most of the variance of either.

    Source: Raghu et al. 2017, "SVCCA" (arXiv:1706.05806).
    """
    bases = []
    for each in (x_SD, y_SE):
        centred = each.astype(np.float64) - each.mean(0)
        left, values, _ = np.linalg.svd(centred, full_matrices=False)
        share = np.cumsum(values**2) / max(float((values**2).sum()), 1e-30)
        bases.append(left[:, : int(np.searchsorted(share, kept_variance)) + 1])
    correlations = np.linalg.svd(bases[0].T @ bases[1], compute_uv=False)
    return float(np.clip(correlations, 0, 1).mean())
