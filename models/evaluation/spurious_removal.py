"""Whether a probe's bias can be taken out feature by feature: spurious correlation removal.

Karvonen et al. 2024 (arXiv:2411.18895) after SHIFT (Marks et al. 2024), as SAEBench measures it, with probes that are
fitted on training texts alone, and random features beside.

Axes: N texts, G groups, B draws.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from models.evaluation.latent_ablation import AblatableTexts, balanced_rows, top_features
from models.numerics.bootstrap import statistic_interval

LEAST_BIAS = 0.001
"""Accuracy that a bias has to cost for a share of it to be told."""


@dataclass(frozen=True, slots=True)
class BiasRemoval:
    """What is left of a probe's bias once features are taken out of the texts that it reads."""

    target: str
    """What the biased probe is asked for: `label`, features of the spurious label being taken out, or `spurious`."""
    condition: str
    n_latents: int
    features: tuple[int, ...] | None
    biased_accuracy: float
    """Of the biased probe, nothing taken out, where both labels are independent."""
    clean_accuracy: float
    """Of a probe that was fitted where they are independent: the ceiling."""
    accuracy: float
    """Of the biased probe with the features out."""
    score: float | None
    """Share of the way from biased to clean; None where the bias costs nothing."""
    low: float | None
    high: float | None
    is_reported: bool
    """Of the two targets the one that the biased probe is worse at."""
    n_test: int
    """Balanced test texts, which the accuracies are of."""


def spurious_removal(
    texts: AblatableTexts, is_label_N: np.ndarray, is_spurious_N: np.ndarray, ns: Sequence[int], random_draws: int = 4
) -> Iterator[BiasRemoval]:
    """A probe learns two labels that always go together, and is asked for one where they do not.

    The biased probe is fitted to training texts of which each has both labels or neither, alike many; all accuracies
    are of test texts, alike many of each of the four combinations. Features of the label that is not asked for are
    ranked by the size of the difference of their means times what that label's own probe reads of their decoder rows.
    Features at 0 shift the probe's logit, and its threshold stays: where a label has features and its opposite none,
    taking them all out can leave every text on one side.

    Args:
        is_label_N: Which texts have the label, bool.
        is_spurious_N: Which have the spurious one.
        ns: How many features are taken out.
        random_draws: Sets of random features that are averaged over.
    """
    cell_N = 2 * is_label_N.astype(int) + is_spurious_N
    train, test = (balanced_rows(cell_N, side_N, texts.seed) for side_N in (~texts.is_test_N, texts.is_test_N))
    together_N = np.where(is_label_N == is_spurious_N, cell_N, -1)
    biased = texts.fitted(balanced_rows(together_N, ~texts.is_test_N, texts.seed), is_label_N)
    clean = {name: texts.fitted(train, y_N) for name, y_N in (("label", is_label_N), ("spurious", is_spurious_N))}
    asked = {"label": is_label_N, "spurious": is_spurious_N}
    plain = {name: texts.right(biased, texts.x_ND, test, y_N) for name, y_N in asked.items()}
    worse = min(plain, key=lambda name: plain[name].mean())
    n_G = texts.group_counts(test, np.ones(len(test)))
    for target, y_N in asked.items():
        other = "spurious" if target == "label" else "label"
        effect_F = texts.effects(clean[other], train, asked[other]).abs()
        biased_G = texts.group_counts(test, plain[target])
        clean_G = texts.group_counts(test, texts.right(clean[target], texts.x_ND, test, y_N))
        for n in ns:
            for condition in ("chosen", "random"):
                drawn = (texts.random_features(n, draw) for draw in range(random_draws))
                sets = [top_features(effect_F, n)] if condition == "chosen" else list(drawn)
                right = [texts.right(biased, texts.without(each), test, y_N) for each in sets]
                accuracy_G = texts.group_counts(test, np.mean(right, axis=0))
                score, low, high = _score(accuracy_G, biased_G, clean_G, n_G, texts.seed)
                biased_share, clean_share, share = (
                    float(each_G.sum() / n_G.sum()) for each_G in (biased_G, clean_G, accuracy_G)
                )
                found = tuple(sets[0]) if condition == "chosen" else None
                shares = biased_share, clean_share, share
                yield BiasRemoval(target, condition, n, found, *shares, score, low, high, target == worse, len(test))


def _score(
    accuracy_G: np.ndarray, biased_G: np.ndarray, clean_G: np.ndarray, n_G: np.ndarray, seed: int
) -> tuple[float | None, float | None, float | None]:
    """The share of the bias that is gone, with its interval over groups."""

    def share(weights_BG: np.ndarray) -> np.ndarray:
        n_B = weights_BG @ n_G
        gained_B, bias_B = weights_BG @ (accuracy_G - biased_G), weights_BG @ (clean_G - biased_G)
        is_told_B = (n_B > 0) & (bias_B >= LEAST_BIAS * n_B)
        return np.divide(gained_B, bias_B, out=np.full_like(bias_B, np.nan), where=is_told_B)

    whole = float(share(np.ones((1, len(n_G))))[0])
    if np.isnan(whole):
        return None, None, None
    low, high = statistic_interval(share, len(n_G), seed) or (None, None)
    return whole, low, high
