"""A probe fitted to a task and told how good it is: beside the majority, a control task and another model's rows.

N rows, M test rows, D columns.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from models.probes.linear_probe import LinearProbe
from models.probes.multinomial_probe import fit_multinomial_probe
from models.probes.probe_scores import Score, probe_scores
from models.probes.probe_task import ProbeTask


@dataclass(frozen=True, slots=True)
class ProbeMetric:
    """One metric on the test rows, with its baselines in the same unit."""

    score: Score
    majority: float
    """Of always saying the most frequent label."""
    control: float
    """On the control task, of a probe fitted to it."""
    random_init: float | None
    """Of a probe on the same model before training; None where it was not asked for."""

    @property
    def selectivity(self) -> float:
        return self.score.value - self.control


@dataclass(frozen=True, slots=True)
class FittedProbe:
    """A probe and what it is worth."""

    probe: LinearProbe
    ridge: float
    metrics: Mapping[str, ProbeMetric]


def fit_probe(
    x_ND: Tensor, task: ProbeTask, ridges: Sequence[float], seed: int, random_init_ND: Tensor | None = None
) -> FittedProbe:
    """Fits on training rows and measures on test rows.

    The penalty is chosen by groups that are set apart from training, then all of training is fitted again. Control task
    and random-initialised model are fitted with the same penalty.

    Args:
        x_ND: What the probe reads of each row.
        task: Labels, groups and split.
        ridges: Penalties to choose from; the middle one where there are too few groups to choose.
        seed: Of the split within training, the control task and the intervals.
        random_init_ND: The same of a model that was never trained.
    """
    ridge = _chosen_ridge(x_ND, task, ridges, seed)
    classes = {"own": task.class_N, "control": task.control_classes(seed)}
    probe = _fitted(x_ND, task, classes["own"], ridge)
    own = _scores(probe, x_ND, task, classes["own"], seed)
    control = _scores(_baseline(x_ND, task, classes["control"], ridge), x_ND, task, classes["control"], seed)
    random = None
    if random_init_ND is not None:
        random = _scores(_baseline(random_init_ND, task, task.class_N, ridge), random_init_ND, task, task.class_N, seed)
    test_M = task.class_N[task.is_test_N]
    majority = {"accuracy": float((test_M == task.majority).mean()), "balanced_accuracy": 1 / task.n_classes}
    return FittedProbe(
        probe,
        ridge,
        {
            name: ProbeMetric(score, majority[name], control[name].value, random[name].value if random else None)
            for name, score in own.items()
        },
    )


def _fitted(x_ND: Tensor, task: ProbeTask, class_N: np.ndarray, ridge: float, **options: Any) -> LinearProbe:
    train_N, told_N = torch.from_numpy(~task.is_test_N), torch.from_numpy(class_N)
    return fit_multinomial_probe(x_ND[train_N], told_N[train_N], task.n_classes, ridge=ridge, **options)


def _baseline(x_ND: Tensor, task: ProbeTask, class_N: np.ndarray, ridge: float) -> LinearProbe:
    """A probe of which nothing but its accuracy is told."""
    return _fitted(x_ND, task, class_N, ridge, tolerance=3e-5, dtype=torch.float32)


def _scores(probe: LinearProbe, x_ND: Tensor, task: ProbeTask, class_N: np.ndarray, seed: int) -> Mapping[str, Score]:
    test_N = task.is_test_N
    said_M = probe.logits(x_ND[torch.from_numpy(test_N)].double()).argmax(-1).numpy()
    groups = [group for group, is_test in zip(task.group_N, test_N, strict=True) if is_test]
    return probe_scores(said_M, class_N[test_N], groups, task.n_classes, seed)


def _chosen_ridge(x_ND: Tensor, task: ProbeTask, ridges: Sequence[float], seed: int) -> float:
    """The penalty with the lowest loss on groups of the training rows that it was not fitted to; ties to the larger."""
    parts = task.inner_split(seed) if len(ridges) > 1 else None
    if parts is None:
        return sorted(ridges)[len(ridges) // 2]
    fit_M, choose_M = parts
    class_N = torch.from_numpy(task.class_N)
    losses = {}
    for ridge in sorted(ridges, reverse=True):
        probe = fit_multinomial_probe(
            x_ND[fit_M], class_N[fit_M], task.n_classes, ridge=ridge, tolerance=1e-4, dtype=torch.float32
        )
        logits = probe.logits(x_ND[choose_M].double())
        losses[ridge] = float(torch.nn.functional.cross_entropy(logits, class_N[choose_M]))
    return min(losses, key=lambda ridge: losses[ridge])
