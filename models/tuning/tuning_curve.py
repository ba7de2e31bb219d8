"""What a tuning curve says of a unit: where it peaks, how narrow it is, whether the opposite direction answers too.

A angles, P sizes (radii, wavelengths), R replicates (the same stimulus drawn a little otherwise), D draws of the
bootstrap.

A unit is described by its rectified curve: the mean over replicates, the largest over sizes, cut off at zero.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.numerics.bootstrap import statistic_intervals

Interval = tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class TuningSummary:
    """One unit under one kind of stimulus. Intervals are 95 %, replicates being drawn; None of a single replicate."""

    preferred_angle: float
    """Where the curve is largest, in degrees."""
    circular_mean: float
    """Mean direction of the curve, in degrees."""
    circular_mean_interval: Interval
    """Both ends in degrees, the lower below the mean, the upper above: they may lie outside a turn."""
    vector_length: float
    """|Σ R e^(i k angle)| / Σ R: 1 of a single angle, 0 of a flat curve."""
    vector_length_interval: Interval
    half_width: float
    """Degrees from the peak to half of it, the mean of both sides; half the period where it never falls so far."""
    echo: float
    """The curve opposite its peak over the peak; of orientations, at right angles to it."""
    best_size: float
    """Size at the peak."""
    peak: float
    """Mean response at the peak, of the replicates that did not choose angle and size."""
    peak_interval: Interval


@dataclass(frozen=True, slots=True)
class TuningCurve:
    """The responses of one unit."""

    angle_A: np.ndarray
    """Degrees, evenly spaced over the period."""
    size_P: np.ndarray
    response_APR: np.ndarray
    period: float = 360.0
    """360 of directions, 180 of orientations."""

    @property
    def curve_A(self) -> np.ndarray:
        """The rectified curve."""
        return _curves(self.response_APR.mean(-1)[None])[0]

    @property
    def vector(self) -> tuple[float, float]:
        """Mean direction of the curve in degrees, and its vector length."""
        mean_1, length_1 = self._vector(self.curve_A[None])
        return float(mean_1[0]), float(length_1[0])

    def summary(self, seed: int = 0) -> TuningSummary:
        """What the curve says, with intervals over replicates."""
        n, curve_A = self.response_APR.shape[-1], self.curve_A
        mean, length = self._vector(curve_A[None])
        mean_interval, length_interval = statistic_intervals(lambda w: self._resampled(w, mean[0]), n, seed, 2)
        peak_A, peak_P = np.unravel_index(self.response_APR.mean(-1).argmax(), self.response_APR.shape[:2])
        peak, peak_interval = self._peak(seed)
        return TuningSummary(
            preferred_angle=float(self.angle_A[int(peak_A)]),
            circular_mean=float(mean[0]),
            circular_mean_interval=None
            if mean_interval is None
            else (float(mean[0]) + mean_interval[0], float(mean[0]) + mean_interval[1]),
            vector_length=float(length[0]),
            vector_length_interval=length_interval,
            half_width=half_width(self.angle_A, curve_A, self.period),
            echo=float(np.roll(curve_A, len(curve_A) // 2)[int(peak_A)] / curve_A.max()) if curve_A.max() > 0 else 0.0,
            best_size=float(self.size_P[int(peak_P)]),
            peak=peak,
            peak_interval=peak_interval,
        )

    def _resampled(self, weights_DR: np.ndarray, mean: float) -> np.ndarray:
        """How far the mean direction of each draw lies from that of all, and its vector length: (2, D)."""
        share_DR = weights_DR / weights_DR.sum(1, keepdims=True)
        curve_DA = _curves(np.tensordot(share_DR, self.response_APR, axes=(1, 2)))
        mean_D, length_D = self._vector(curve_DA)
        return np.stack([wrapped(mean_D - mean, self.period), length_D])

    def _vector(self, curve_DA: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean direction in degrees and vector length of some curves, twice (D,); both 0 of a silent one."""
        turn_A = np.exp(2j * np.pi * self.angle_A / self.period)
        sum_D, whole_D = curve_DA @ turn_A, curve_DA.sum(-1)
        mean_D = np.angle(sum_D) / (2 * np.pi) * self.period % self.period
        return mean_D, np.divide(np.abs(sum_D), whole_D, out=np.zeros(len(curve_DA)), where=whole_D > 0)

    def _peak(self, seed: int) -> tuple[float, Interval]:
        """Each half of the replicates chooses angle and size for the other, so that the largest of many is not reported
        as large as chance made it."""
        n = self.response_APR.shape[-1]
        if n < 2:
            return float(self.response_APR.max()), None
        halves = [np.arange(n) % 2 == side for side in (0, 1)]
        value_R = np.empty(n)
        for chosen, reported in (halves, halves[::-1]):
            mean_AP = self.response_APR[..., chosen].mean(-1)
            value_R[reported] = self.response_APR[(*np.unravel_index(mean_AP.argmax(), mean_AP.shape), reported)]
        [interval] = statistic_intervals(lambda w: (w @ value_R / w.sum(1))[None], n, seed, 1)
        return float(value_R.mean()), interval


def half_width(angle_A: Sequence[float] | np.ndarray, curve_A: np.ndarray, period: float) -> float:
    """Degrees from the peak to where the curve first falls to half of it, between angles in proportion; the mean of
    both sides."""
    step, n = period / len(angle_A), len(curve_A)
    level, peak = curve_A.max() / 2, int(curve_A.argmax())
    if level <= 0:
        return period / 2
    widths = []
    for side in (1, -1):
        beside = np.array([curve_A[(peak + side * k) % n] for k in range(n // 2 + 1)])
        below = np.flatnonzero(beside < level)
        if not len(below):
            widths.append(period / 2)
            continue
        at = int(below[0])
        widths.append(step * (at - 1 + (beside[at - 1] - level) / (beside[at - 1] - beside[at])))
    return float(np.mean(widths))


def wrapped(degrees: np.ndarray, period: float) -> np.ndarray:
    """The same angles between minus and plus half a period."""
    return (degrees + period / 2) % period - period / 2


def _curves(mean_DAP: np.ndarray) -> np.ndarray:
    return np.clip(mean_DAP.max(-1), 0, None)
