"""Which units are curve detectors, by the arc test, and how well some units together cover all directions.

A angles, U units.
"""

from dataclasses import dataclass

import numpy as np

LEAST_VECTOR = 0.3
LEAST_OVER_LINE = 1.3
LEAST_OF_BLOCK = 0.1


@dataclass(frozen=True, slots=True)
class ArcTest:
    """What curve detectors are told from other units by."""

    vector_length_U: np.ndarray
    """Of the tuning to arcs."""
    arc_peak_U: np.ndarray
    """Strongest response to an arc."""
    line_peak_U: np.ndarray
    """Strongest response to a straight line."""

    @property
    def is_candidate_U(self) -> np.ndarray:
        """Tuned to a direction, more excited by an arc than by a line, and not by little beside the site's others."""
        is_tuned_U = self.vector_length_U > LEAST_VECTOR
        is_curved_U = self.arc_peak_U > LEAST_OVER_LINE * np.maximum(self.line_peak_U, 0)
        is_strong_U = self.arc_peak_U > LEAST_OF_BLOCK * max(float(self.arc_peak_U.max()), 0.0)
        return is_tuned_U & is_curved_U & is_strong_U & (self.arc_peak_U > 0)


def family_coverage(curve_UA: np.ndarray) -> float:
    """The least, over directions, of the strongest member's answer, each member's peak being 1: near 1 where a family
    has a member for every direction, 0 where one is left out."""
    peak_U1 = curve_UA.max(1, keepdims=True)
    share_UA = np.divide(curve_UA, peak_U1, out=np.zeros_like(curve_UA), where=peak_U1 > 0)
    return float(share_UA.max(0).min())
