"""Which label of images a feature prefers: found on one half of the images, reported on the other.

A feature's activation in an image is its strongest there. It prefers the label that this tells best from all other
images, by the area under the ROC curve. Beside it stands what the same search finds where labels are shuffled.

N images, F features, L labels.
"""

from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

LEAST_IMAGES = 5
"""Images of a label in each half, and images of other labels."""


@dataclass(frozen=True, slots=True)
class ClassPreferences:
    """For each feature the preferred label and what it is worth; NaN and "" where no label has images enough."""

    label_F: np.ndarray
    choosing_auroc_F: np.ndarray
    auroc_F: np.ndarray
    """On the images that had no part in the choice."""
    half_width_F: np.ndarray
    """Half of the 95 % interval (Hanley and McNeil 1982)."""
    lift_F: np.ndarray
    """How many times as often an image has the label if the feature fires in it, on the same images."""
    shuffled_auroc_F: np.ndarray
    """The same search with shuffled labels: .5 but for chance."""
    n_images: int
    n_of_label_F: np.ndarray


def class_preferences(
    peak_NF: np.ndarray, label_N: np.ndarray, is_reporting_N: np.ndarray, seed: int = 0
) -> ClassPreferences:
    """The label that each feature prefers.

    Args:
        peak_NF: Strongest activation of each feature in each image; 0 where it is silent.
        label_N: Of each image.
        is_reporting_N: Images that have no part in the choice.
        seed: Of the shuffling.
    """
    choosing_N = ~is_reporting_N
    names = [name for name in np.unique(label_N) if _has_enough(label_N == name, is_reporting_N)]
    n_features = peak_NF.shape[1]
    if not names:
        none_F, labels_F = np.full(n_features, np.nan), np.full(n_features, "", dtype=object)
        n, no_images_F = int(is_reporting_N.sum()), np.zeros(n_features, np.int64)
        return ClassPreferences(labels_F, none_F, none_F, none_F, none_F, none_F, n, no_images_F)
    is_label_NL = label_N[:, None] == np.array(names)[None]
    chosen_F, choosing_F, reported_F = _chosen(peak_NF, is_label_NL, choosing_N)
    shuffled_NL = is_label_NL[np.random.default_rng(seed).permutation(len(label_N))]
    n_L = is_label_NL[is_reporting_N].sum(axis=0)
    fires_NF = peak_NF[is_reporting_N] > 0
    both_FL = fires_NF.T.astype(np.float64) @ is_label_NL[is_reporting_N]
    with np.errstate(divide="ignore", invalid="ignore"):
        lift_FL = both_FL / fires_NF.sum(axis=0)[:, None] / (n_L / is_reporting_N.sum())[None]
    features = np.arange(n_features)
    width_F = _half_width(reported_F, n_L[chosen_F], int(is_reporting_N.sum()) - n_L[chosen_F])
    return ClassPreferences(
        np.array(names, dtype=object)[chosen_F],
        choosing_F,
        reported_F,
        width_F,
        lift_FL[features, chosen_F],
        _chosen(peak_NF, shuffled_NL, choosing_N)[2],
        int(is_reporting_N.sum()),
        n_L[chosen_F],
    )


def _has_enough(is_label_N: np.ndarray, is_reporting_N: np.ndarray) -> bool:
    halves = (is_reporting_N, ~is_reporting_N)
    return all(min(is_label_N[half].sum(), (~is_label_N[half]).sum()) >= LEAST_IMAGES for half in halves)


def _chosen(
    peak_NF: np.ndarray, is_label_NL: np.ndarray, choosing_N: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The best label of each feature on the images that choose, its AUROC there and on the others."""
    choosing_FL, reporting_FL = (aurocs(peak_NF[half], is_label_NL[half]) for half in (choosing_N, ~choosing_N))
    chosen_F, features = choosing_FL.argmax(axis=1), np.arange(peak_NF.shape[1])
    return chosen_F, choosing_FL[features, chosen_F], reporting_FL[features, chosen_F]


def aurocs(peak_NF: np.ndarray, is_label_NL: np.ndarray) -> np.ndarray:
    """Area under the ROC curve of each feature for each label, ties counted half. Shape (F, L)."""
    n_L = is_label_NL.sum(axis=0).astype(np.float64)
    rank_NF = rankdata(peak_NF, axis=0)
    above_FL = rank_NF.T @ is_label_NL - n_L * (n_L + 1) / 2
    return above_FL / (n_L * (len(peak_NF) - n_L))


def _half_width(auroc_F: np.ndarray, n_F: np.ndarray, m_F: np.ndarray) -> np.ndarray:
    """Half of the 95 % interval of an AUROC of n images of the label and m others."""
    q1_F, q2_F = auroc_F / (2 - auroc_F), 2 * auroc_F**2 / (1 + auroc_F)
    spread_F = auroc_F * (1 - auroc_F) + (n_F - 1) * (q1_F - auroc_F**2) + (m_F - 1) * (q2_F - auroc_F**2)
    return 1.96 * np.sqrt(np.maximum(spread_F, 0) / (n_F * m_F))


def strongest_by_image(
    feature_M: np.ndarray, image_M: np.ndarray, act_M: np.ndarray, n_images: int, n_features: int
) -> np.ndarray:
    """Strongest activation of each feature in each image; 0 where it is silent. Shape (N, F), float32."""
    peak_NF = np.zeros((n_images, n_features), np.float32)
    np.maximum.at(peak_NF, (image_M, feature_M), act_M)
    return peak_NF
