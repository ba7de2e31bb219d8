"""Quantiles of Student's t."""

import numpy as np

Z = 1.959963984540054
"""Standard normal quantile of 0.975: that of infinitely many degrees of freedom."""
_EXACT = {3: 3.182446305284263, 4: 2.7764451051977987}


def quantile_975(degrees_L: np.ndarray) -> np.ndarray:
    """The quantile of 0.975 for three degrees of freedom or more.

    From five on by the expansion of Cornish and Fisher in 1 / degrees, within .001.

    Source: Abramowitz and Stegun 1964, "Handbook of Mathematical Functions", 26.7.5.
    """
    assert (degrees_L >= min(_EXACT)).all(), "fewer degrees of freedom than the expansion is good for"
    n_L = degrees_L.astype(np.float64)
    expansion_L = Z + (Z**3 + Z) / (4 * n_L) + (5 * Z**5 + 16 * Z**3 + 3 * Z) / (96 * n_L**2)
    expansion_L += (3 * Z**7 + 19 * Z**5 + 17 * Z**3 - 15 * Z) / (384 * n_L**3)
    expansion_L += (79 * Z**9 + 776 * Z**7 + 1482 * Z**5 - 1920 * Z**3 - 945 * Z) / (92160 * n_L**4)
    for degrees, exact in _EXACT.items():
        expansion_L = np.where(degrees_L == degrees, exact, expansion_L)
    return expansion_L
