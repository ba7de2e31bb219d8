"""Which features tell some texts from others, tested on some of the texts and judged on the rest.

A feature's pooled activations are compared by the test of Mann and Whitney, corrected for ties; many features are
tested at once, so that false discoveries are held to a share by the procedure of Benjamini and Hochberg (1995).

Axes: N texts, U units, F features, M entries.
"""

from dataclasses import dataclass

import numpy as np
import torch
from scipy.stats import false_discovery_control, norm

from models.evaluation.concept_probing import area_with_interval
from models.probes.codes_by_feature import CodesByFeature

FEWEST_FIRED = 5
"""Units in which a feature has to fire to be tested."""


@dataclass(frozen=True, eq=False)
class Contrast:
    """What each feature's activations say of the label, among units: texts of one group with one answer are one."""

    area_F: np.ndarray
    """Chance that a unit of the label has the higher activation, ties counting half."""
    p_F: np.ndarray
    q_F: np.ndarray
    """Of the features that were tested; NaN of the others."""
    fired_F: np.ndarray
    fired_others_F: np.ndarray
    log_odds_F: np.ndarray
    log_odds_se_F: np.ndarray
    """Of firing, half a unit added to each cell."""
    n: int
    n_others: int

    @property
    def n_tested(self) -> int:
        return int(np.isfinite(self.q_F).sum())


def contrast(latents: CodesByFeature, y_N: np.ndarray, group_N: np.ndarray) -> Contrast:
    """Tests every feature that fires in FEWEST_FIRED units or more.

    Args:
        latents: Pooled activations of texts.
        y_N: Which texts have the label, bool.
        group_N: Whole numbers; texts of one group are alike, so that their mean counts once for either answer.
    """
    units, y_U = as_units(latents, y_N, group_N)
    n, others = int(y_U.sum()), int((~y_U).sum())
    y = torch.from_numpy(y_U)[:, None]
    area_F = units.aurocs(y)[0].numpy()
    ties_F = tied_cubes(units)
    total = n + others
    variance_F = n * others / 12 * (total + 1 - ties_F / (total * (total - 1)))
    shift_F = np.maximum(np.abs(area_F - 0.5) * n * others - 0.5, 0)
    z_F = np.divide(shift_F, np.sqrt(variance_F), out=np.zeros_like(shift_F), where=variance_F > 0)
    p_F = np.minimum(2 * norm.sf(z_F), 1)
    is_so_M = y_U[units.tokens_M.numpy()]
    features_M = units.features_M.numpy()
    fired_F = np.bincount(features_M[is_so_M], minlength=units.n_features)
    fired_others_F = np.bincount(features_M[~is_so_M], minlength=units.n_features)
    tested_F = fired_F + fired_others_F >= FEWEST_FIRED
    q_F = np.full(units.n_features, np.nan)
    if tested_F.any():
        q_F[tested_F] = false_discovery_control(p_F[tested_F])
    cells = np.stack([fired_F, n - fired_F, fired_others_F, others - fired_others_F]) + 0.5
    log_odds_F = np.log(cells[0] * cells[3] / (cells[1] * cells[2]))
    return Contrast(area_F, p_F, q_F, fired_F, fired_others_F, log_odds_F, np.sqrt((1 / cells).sum(0)), n, others)


def as_units(latents: CodesByFeature, y_N: np.ndarray, group_N: np.ndarray) -> tuple[CodesByFeature, np.ndarray]:
    """The mean of the texts of each group and answer, and the answers."""
    key_N = np.unique(group_N, return_inverse=True)[1] * 2 + y_N
    keys, unit_N, size_U = np.unique(key_N, return_inverse=True, return_counts=True)
    if len(keys) == len(y_N):
        order = torch.from_numpy(np.argsort(unit_N, kind="stable"))
        return latents.at(order), y_N[order.numpy()]
    unit_M = torch.from_numpy(unit_N)[latents.tokens_M]
    place_M = latents.features_M * len(keys) + unit_M
    places, inverse_M = place_M.unique(return_inverse=True)
    sums = torch.zeros(len(places), dtype=torch.float64).index_add(0, inverse_M, latents.acts_M.double())
    unit, feature = places % len(keys), places // len(keys)
    acts = (sums / torch.from_numpy(size_U)[unit]).float()
    order = torch.argsort(unit, stable=True)
    units = CodesByFeature.of_entries(unit[order], feature[order], acts[order], latents.n_features, len(keys))
    return units, keys % 2 == 1


def tied_cubes(latents: CodesByFeature) -> np.ndarray:
    """Of each feature the sum of t^3 - t over its runs of t equal activations, silence being one. (F,)"""
    features_M, acts_M = latents.features_M.numpy(), latents.acts_M.numpy()
    order = np.lexsort((acts_M, features_M))
    features, acts = features_M[order], acts_M[order]
    begins = np.flatnonzero(np.concatenate([[True], (np.diff(features) != 0) | (np.diff(acts) != 0)])[: len(acts)])
    run = np.diff(begins, append=len(acts)).astype(np.float64)
    cubes_F = np.bincount(features[begins], run**3 - run, minlength=latents.n_features)
    silent_F = latents.n_tokens - np.diff(latents.starts_F1.numpy()).astype(np.float64)
    return cubes_F + silent_F**3 - silent_F


@dataclass(frozen=True, slots=True)
class Detector:
    """A feature used as a detector of the label: the threshold that does best on some texts, judged on others."""

    threshold: float
    """A text has the label if its activation is above, or below where `is_above` is false."""
    is_above: bool
    precision: float | None
    """None where it says yes to no text."""
    recall: float
    false_positive_rate: float
    area: float
    low: float | None
    high: float | None


def detector(act_N: np.ndarray, y_N: np.ndarray, group_N: np.ndarray, is_test_N: np.ndarray) -> Detector:
    """The threshold of largest recall less false positives on training texts; precision, recall and area on test texts.

    Args:
        act_N: One feature's pooled activations.
        y_N: Which texts have the label.
        group_N: Whole numbers: texts that are alike.
        is_test_N: Which are kept from choosing.
    """
    train, y_M = act_N[~is_test_N], y_N[~is_test_N]
    values, place_M = np.unique(train, return_inverse=True)
    cuts = np.concatenate([(values[:-1] + values[1:]) / 2, values[-1:]]) if len(values) > 1 else values
    below_C, others_C = (np.bincount(place_M[of_M], minlength=len(values)).cumsum() for of_M in (y_M, ~y_M))
    gain_C = others_C / others_C[-1] - below_C / below_C[-1]
    best = int(np.abs(gain_C).argmax())
    is_above = bool(gain_C[best] >= 0)
    said_N = (act_N > cuts[best]) == is_above
    test, y_test, group_test = said_N[is_test_N], y_N[is_test_N], group_N[is_test_N]
    area, low, high = area_with_interval(act_N[is_test_N], y_test, group_test)
    return Detector(
        float(cuts[best]),
        is_above,
        float(y_test[test].mean()) if test.any() else None,
        float(test[y_test].mean()),
        float(test[~y_test].mean()),
        area,
        low,
        high,
    )
