"""Whether features of one label can be taken out without touching the others: targeted probe perturbation.

Karvonen et al. 2024, "Evaluating Sparse Autoencoders on Targeted Concept Erasure Tasks" (arXiv:2411.18895), as SAEBench
measures it, with probes that are fitted on training texts alone, and random features beside.

Axes: N texts, C labels, G groups, B draws.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from models.evaluation.latent_ablation import AblatableTexts, balanced_rows, top_features
from models.numerics.bootstrap import statistic_intervals


@dataclass(frozen=True, slots=True)
class Perturbation:
    """What taking out one label's features does to its own probe and to the others'."""

    label: int | None
    """None for the mean over the labels."""
    condition: str
    n_latents: int
    features: tuple[int, ...] | None
    accuracy: float
    """Of the label's own probe, nothing taken out; half of the test texts have the label."""
    intended: float
    """Accuracy that the own probe loses."""
    unintended: float
    """What the others lose, their mean."""
    low: float | None
    high: float | None
    """Of intended less unintended."""
    n_test: int
    """Test texts that the own probe is asked about; of the mean their sum, a text counting once for each probe."""

    @property
    def score(self) -> float:
        return self.intended - self.unintended


def targeted_perturbation(
    texts: AblatableTexts, class_N: np.ndarray, ns: Sequence[int], random_draws: int = 4
) -> Iterator[Perturbation]:
    """Of each label, its n most telling features taken out: how far its own probe falls towards .5, and the others'.

    A probe tells a label from as many texts of all others. Features are ranked by how much more of them the label's
    training texts have, if more, times what the label's probe reads of their decoder rows. The score cannot exceed
    accuracy - .5.
    """
    n_classes = int(class_N.max()) + 1
    is_so = [class_N == number for number in range(n_classes)]
    train = [balanced_rows(y_N.astype(int), ~texts.is_test_N, texts.seed) for y_N in is_so]
    test = [balanced_rows(y_N.astype(int), texts.is_test_N, texts.seed) for y_N in is_so]
    probes = [texts.fitted(rows, y_N) for rows, y_N in zip(train, is_so, strict=True)]
    count_CG = np.stack([texts.group_counts(rows, np.ones(len(rows))) for rows in test])

    def right_CG(features: Sequence[int]) -> np.ndarray:
        x_ND, columns = texts.without(features), zip(probes, test, is_so, strict=True)
        return np.stack([texts.group_counts(rows, texts.right(p, x_ND, rows, y_N)) for p, rows, y_N in columns])

    plain_CG = right_CG([])
    rankings = zip(probes, train, is_so, strict=True)
    effects = [texts.effects(probe, rows, y_N, only_rises=True) for probe, rows, y_N in rankings]
    for n in ns:
        for condition in ("chosen", "random"):
            chosen = condition == "chosen"
            features = [
                [top_features(effects[c], n)]
                if chosen
                else [texts.random_features(n, c * random_draws + d) for d in range(random_draws)]
                for c in range(n_classes)
            ]
            fallen_CCG = np.stack([np.mean([right_CG(each) for each in of], axis=0) for of in features])
            yield from _rows(texts, plain_CG, fallen_CCG, count_CG, condition, n, features if chosen else None)


def _rows(
    texts: AblatableTexts,
    plain_CG: np.ndarray,
    fallen_CCG: np.ndarray,
    count_CG: np.ndarray,
    condition: str,
    n: int,
    features: Sequence[Sequence[Sequence[int]]] | None,
) -> Iterator[Perturbation]:
    """One for each label, and their mean."""
    n_classes, n_groups = count_CG.shape

    def losses(weights_BG: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Under each draw what each label's own probe loses, and the others; NaN where a draw has no text of one."""
        n_CB = count_CG @ weights_BG.T
        share = np.divide(1, n_CB, out=np.full_like(n_CB, np.nan), where=n_CB > 0)
        lost_CCB = ((plain_CG[None] - fallen_CCG) @ weights_BG.T) * share
        own_CB = np.einsum("ccb->cb", lost_CCB)
        return own_CB, (lost_CCB.sum(1) - own_CB) / max(n_classes - 1, 1)

    every = np.ones((1, n_groups))
    own_C, others_C = (each[:, 0] for each in losses(every))
    accuracy_C = plain_CG.sum(1) / count_CG.sum(1)

    def scores(weights_BG: np.ndarray) -> np.ndarray:
        """Of each label, and their mean."""
        score_CB = np.subtract(*losses(weights_BG))
        return np.concatenate([score_CB, score_CB.mean(0, keepdims=True)])

    ends = statistic_intervals(scores, n_groups, texts.seed, n_classes + 1)
    for c in range(n_classes):
        found = tuple(features[c][0]) if features else None
        measured = (float(accuracy_C[c]), float(own_C[c]), float(others_C[c]))
        yield Perturbation(c, condition, n, found, *measured, *(ends[c] or (None, None)), int(count_CG[c].sum()))
    means = float(accuracy_C.mean()), float(own_C.mean()), float(others_C.mean())
    yield Perturbation(None, condition, n, None, *means, *(ends[-1] or (None, None)), int(count_CG.sum()))
