"""How the error of a dictionary falls with its width: a power law over a floor, which one bad run does not move.

loss = A N^-alpha + E (Gao et al. 2024; Templeton et al. 2024), by Huber's loss on log residuals (Hoffmann et al. 2022):
for each exponent of a grid, A and E >= 0 follow by weighted least squares, over and over. Intervals are of runs drawn
anew within each width. What fixes the exponent is the range of widths, more than the number of runs.

Axes: R runs, A exponents of the grid, B draws.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np

DELTA = 0.01
"""Log residual from which a run's pull grows no further."""
EXPONENTS = np.linspace(0.02, 1.5, 149)
ROUNDS = 15
FURTHER = 4.0
"""Times the largest width, to which the law is carried on."""


@dataclass(frozen=True, slots=True)
class PowerLaw:
    """loss = amplitude * N^-exponent + floor."""

    exponent: float
    amplitude: float
    floor: float
    huber: float
    """Sum over the runs."""
    n_runs: int

    def at(self, n: float) -> float:
        return float(self.amplitude * n**-self.exponent + self.floor)

    @classmethod
    def fit(cls, n_R: np.ndarray, loss_R: np.ndarray, *, has_floor: bool = True) -> Self:
        """The law with the least loss over the grid, then over a finer one around it."""
        middle = float(np.exp(np.log(n_R).mean()))
        best = _fitted(n_R / middle, loss_R, EXPONENTS, has_floor)
        step = EXPONENTS[1] - EXPONENTS[0]
        finer = best[0] + np.linspace(-step, step, 21)
        exponent, amplitude, floor, huber = _fitted(n_R / middle, loss_R, finer[finer > 0], has_floor)
        return cls(exponent, amplitude * middle**exponent, floor, huber, len(n_R))

    @property
    def aic(self) -> float:
        """Of models with and without a floor, the smaller one is to be preferred."""
        parameters = 3 if self.floor > 0 else 2
        return 2 * parameters + self.n_runs * float(np.log(max(2 * self.huber / self.n_runs, 1e-30)))


def _fitted(n_R: np.ndarray, loss_R: np.ndarray, exponent_A: np.ndarray, has_floor: bool) -> tuple[float, ...]:
    """Exponent, amplitude, floor and loss of the best of the grid, all exponents at once."""
    u_AR = n_R[None] ** -exponent_A[:, None]
    weight_AR = np.broadcast_to(1 / loss_R**2, u_AR.shape)
    amplitude_A1 = floor_A1 = np.zeros((len(exponent_A), 1))
    for _ in range(ROUNDS):
        amplitude_A1, floor_A1 = _least_squares(u_AR, loss_R, weight_AR, has_floor)
        predicted_AR = amplitude_A1 * u_AR + floor_A1
        pull_AR = DELTA / np.maximum(np.abs(np.log(loss_R / predicted_AR)), DELTA)
        weight_AR = pull_AR / predicted_AR**2
    residual_AR = np.abs(np.log(loss_R / (amplitude_A1 * u_AR + floor_A1)))
    huber_AR = np.where(residual_AR <= DELTA, residual_AR**2 / 2, DELTA * (residual_AR - DELTA / 2))
    best = int(huber_AR.sum(1).argmin())
    return float(exponent_A[best]), float(amplitude_A1[best, 0]), float(floor_A1[best, 0]), float(huber_AR[best].sum())


def _least_squares(
    u_AR: np.ndarray, loss_R: np.ndarray, weight_AR: np.ndarray, has_floor: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Amplitude and floor, neither below 0."""
    w, wu, wuu = weight_AR.sum(1), (weight_AR * u_AR).sum(1), (weight_AR * u_AR**2).sum(1)
    wy, wuy = (weight_AR * loss_R).sum(1), (weight_AR * u_AR * loss_R).sum(1)
    alone_A = wuy / wuu
    determinant_A = np.maximum(w * wuu - wu**2, 1e-300)
    floor_A = (wuu * wy - wu * wuy) / determinant_A
    amplitude_A = (w * wuy - wu * wy) / determinant_A
    kept_A = (floor_A > 0) & (amplitude_A > 0) & has_floor
    amplitude_A, floor_A = np.where(kept_A, amplitude_A, alone_A), np.where(kept_A, floor_A, 0.0)
    return amplitude_A[:, None], floor_A[:, None]


@dataclass(frozen=True, slots=True)
class ScalingFit:
    """A law with 95 % intervals."""

    law: PowerLaw
    without_floor: PowerLaw
    exponent_interval: tuple[float, float]
    floor_interval: tuple[float, float]
    further: float
    """What the law says of a dictionary four times as wide as the widest."""
    further_interval: tuple[float, float]
    residual: float
    """Root mean square of log residuals."""


def fit_scaling(n_R: np.ndarray, loss_R: np.ndarray, size_R: np.ndarray, seed: int = 0, draws: int = 100) -> ScalingFit:
    """Fits the law and draws runs anew within each size.

    Args:
        n_R: What the loss falls with: live features.
        loss_R: The loss of each run, positive.
        size_R: The size that each run was asked for: runs of one size are drawn among each other.
        seed: Of the draws.
        draws: How many.
    """
    law, chance = PowerLaw.fit(n_R, loss_R), np.random.default_rng(seed)
    widest = FURTHER * float(n_R.max())
    members = [np.flatnonzero(size_R == size) for size in np.unique(size_R)]
    single = all(len(of_size) == 1 for of_size in members)
    drawn = []
    for _ in range(draws):
        # Where each size has one run, nothing can be drawn within it: whole sizes are.
        chosen = (
            chance.choice(len(n_R), len(n_R)) if single else np.concatenate([chance.choice(m, len(m)) for m in members])
        )
        if len(np.unique(n_R[chosen])) >= 3:
            again = PowerLaw.fit(n_R[chosen], loss_R[chosen])
            drawn.append((again.exponent, again.floor, again.at(widest)))
    low_3, high_3 = np.quantile(np.array(drawn), [0.025, 0.975], axis=0)
    predicted_R = np.array([law.at(float(n)) for n in n_R])
    return ScalingFit(
        law,
        PowerLaw.fit(n_R, loss_R, has_floor=False),
        (float(low_3[0]), float(high_3[0])),
        (float(low_3[1]), float(high_3[1])),
        law.at(widest),
        (float(low_3[2]), float(high_3[2])),
        float(np.sqrt(np.mean(np.log(loss_R / predicted_R) ** 2))),
    )


def fall_before_decay(steps_R: np.ndarray, loss_R: np.ndarray, decay_step: int, n_steps: int) -> float:
    """By how much the log of the loss still fell over a fifth of the run, just before the learning rate did.

    While the rate falls every loss does: whether a run has converged is seen before.
    """
    seen = (steps_R > decay_step - 0.2 * n_steps) & (steps_R <= decay_step)
    if seen.sum() < 3:
        return float("inf")
    slope = np.polyfit(steps_R[seen].astype(float), np.log(np.maximum(loss_R[seen], 1e-30)), 1)[0]
    return float(-slope * 0.2 * n_steps)
