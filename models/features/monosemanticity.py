"""How alike the images are in which a feature fires: the monosemanticity score of vision features.

    score = sum_{n<m} w_n w_m cos(e_n, e_m) / sum_{n<m} w_n w_m

with w the feature's activation in an image, brought to 0..1 by its smallest and largest over all images, and e what an
image encoder says of the image. As unit vectors have |sum w e|^2 = sum_{n,m} w_n w_m cos, no pair is ever looked at: a
feature costs one pass over the images in which it fires, and the interval another.

Source: Pach et al. 2025, "Sparse Autoencoders Learn Monosemantic Features in Vision-Language Models",
arXiv:2504.02821.

N images, F features, n images in which a feature fires, D width of the embedding.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from models.features.image_activations import ImageActivations

FEWEST_IMAGES = 4
"""With fewer the spread between images says too little for an interval."""
ROUNDING = 1e-12
"""A score this near to 1 is one of equal images."""


@dataclass(frozen=True, slots=True)
class FeatureScore:
    """One feature's; None where it is not defined."""

    score: float | None
    ci_low: float | None
    """Where the 95 % interval over images begins (jackknife)."""
    ci_high: float | None
    shuffled: float | None
    """The same activations, dealt out to the images by chance."""
    n_firing: int


@dataclass(frozen=True, slots=True)
class Monosemanticity:
    """Of all features, and what the score of one that tells images apart in no way is."""

    scores: list[FeatureScore]
    mean_similarity: float
    """Of all pairs of images: the score of a feature that fires in all alike, and what shuffling gives on average."""
    n_images: int


def monosemanticity(acts: ImageActivations, embedding_ND: np.ndarray, seed: int = 0) -> Monosemanticity:
    """The scores of all features.

    Args:
        acts: Where features fire.
        embedding_ND: What an encoder says of each image, of any length.
        seed: Of the shuffling.

    Raises:
        ValueError: If the images are fewer than two, or an embedding is zero or not finite: it points nowhere.
    """
    unit_ND = _unit(embedding_ND)
    n_images = len(unit_ND)
    assert n_images == acts.n_images, f"{n_images} embeddings of {acts.n_images} images"
    other_N = np.random.default_rng(seed).permutation(n_images)
    scores = [_feature_score(image_n, act_n, unit_ND, other_N) for image_n, act_n in acts.by_feature()]
    return Monosemanticity(scores, _Pairs.of(np.ones(n_images), unit_ND).score, n_images)


def _unit(embedding_ND: np.ndarray) -> np.ndarray:
    if len(embedding_ND) < 2:
        raise ValueError(f"{len(embedding_ND)} image was given, and a score compares pairs: give two or more")
    wide_ND = embedding_ND.astype(np.float64)
    length_N = np.sqrt((wide_ND**2).sum(axis=1))
    if len(wrong := np.flatnonzero(~(np.isfinite(length_N) & (length_N > 0)))):
        raise ValueError(
            f"the embedding of image {wrong[0]}, and of {len(wrong) - 1} others, is zero or not finite: it points "
            "nowhere, and no cosine can be taken. Try the model in float32 (dtype of its card)"
        )
    return wide_ND / length_N[:, None]


def _feature_score(image_n: np.ndarray, act_n: np.ndarray, unit_ND: np.ndarray, other_N: np.ndarray) -> FeatureScore:
    n_images, n_firing = len(unit_ND), len(image_n)
    weight_n = _weights(act_n, fires_in_all=n_firing == n_images)
    if (weight_n > 0).sum() < 2:
        return FeatureScore(None, None, None, None, n_firing)
    pairs = _Pairs.of(weight_n, unit_ND[image_n])
    low, high = pairs.interval(n_images)
    return FeatureScore(pairs.score, low, high, _Pairs.of(weight_n, unit_ND[other_N[image_n]]).score, n_firing)


def _weights(act_n: np.ndarray, fires_in_all: bool) -> np.ndarray:
    """Activations from 0 (the smallest over all images) to 1 (the largest); all 1 where every image has the same."""
    act_n = act_n.astype(np.float64)
    low, high = act_n.min(initial=np.inf) if fires_in_all else 0.0, act_n.max(initial=0.0)
    return np.ones(len(act_n)) if low == high else (act_n - low) / (high - low)


@dataclass(frozen=True, slots=True)
class _Pairs:
    """Sums over pairs of weighted unit vectors."""

    weight_n: np.ndarray
    unit_nD: np.ndarray
    sum_D: np.ndarray
    similarity: float
    """Twice the sum over pairs of w w cos."""
    total: float
    """Twice the sum over pairs of w w."""

    @classmethod
    def of(cls, weight_n: np.ndarray, unit_nD: np.ndarray) -> "_Pairs":
        sum_D, squares = weight_n @ unit_nD, float(weight_n @ weight_n)
        return cls(weight_n, unit_nD, sum_D, float(sum_D @ sum_D) - squares, float(weight_n.sum()) ** 2 - squares)

    @property
    def score(self) -> float:
        return float(np.clip(self.similarity / self.total, -1, 1))

    def interval(self, n_images: int) -> tuple[float | None, float | None]:
        """The 95 % interval by the jackknife over images on Fisher's scale, arctanh(score), with Student's t of one
        degree of freedom less than equally active images would tell as much (Kish's number).

        Leaving out an image without weight changes nothing, leaving out another takes the pairs that it is in; the
        activations' smallest and largest stay those of all images. Images are taken for independent. Kinds of images
        that a feature fires in, and that none of these is of, no interval knows of.

        Source: Arvesen 1969, "Jackknifing U-statistics", Annals of Mathematical Statistics 40. Efron and Tibshirani
        1993, "An Introduction to the Bootstrap", chapter 11. Kish 1965, "Survey Sampling".
        """
        weighs_n = self.weight_n > 0
        if weighs_n.sum() < FEWEST_IMAGES:
            return None, None
        weight_n, score = self.weight_n[weighs_n], self.score
        if (spread := 1 - score**2) < ROUNDING:
            return score, score
        cosines_n = self.unit_nD[weighs_n] @ self.sum_D - weight_n
        similarity_n = self.similarity - 2 * weight_n * cosines_n
        total_n = self.total - 2 * weight_n * (weight_n.sum() - weight_n)
        moved_n = similarity_n / total_n - score
        variance = (n_images - 1) / n_images * ((moved_n**2).sum() - moved_n.sum() ** 2 / n_images)
        alike = weight_n.sum() ** 2 / (weight_n @ weight_n)
        half = float(stdtrit(max(alike - 1, 1), 0.975) * np.sqrt(max(variance, 0.0)) / spread)
        low, high = np.tanh(np.arctanh(score) + half * np.array([-1.0, 1.0])).tolist()
        return min(low, score), max(high, score)
