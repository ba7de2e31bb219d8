"""How much a few features of a dictionary say of a label of texts, beside what can be read off the activation itself.

k-sparse probing (Gurnee et al. 2023, arXiv:2305.01610) as SAEBench and sae-probes ask it, with the choice of latents
that is best on held-out texts, and with controls.

Axes: N texts, M of them, D width, F latents, K chosen ones, R shufflings.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from scipy.sparse import csr_array
from torch import Tensor

from models.numerics.bootstrap import grouped_interval
from models.numerics.clustered_intervals import Clusters
from models.numerics.metrics_with_ci import auroc
from models.probes.codes_by_feature import CodesByFeature, strongest
from models.probes.linear_probe import LinearProbe, fit_linear_probes


@dataclass(frozen=True, eq=False)
class PooledTexts:
    """What a dictionary and the activation itself say of each text, its tokens pooled into one row."""

    x_ND: Tensor
    """The activation at the dictionary's site, float32."""
    codes: CodesByFeature
    """Its features, a text in the place of a token."""

    @cached_property
    def axes_NK(self) -> Tensor:
        """All features in as few axes as there are texts: whatever the label, they are worked out once."""
        return in_few_axes(self.codes)


@dataclass(frozen=True, slots=True)
class ProbeScore:
    """One metric of one probe on test texts."""

    reads: str
    n_latents: int | None
    """None of the activation."""
    features: tuple[int, ...] | None
    """Those that were chosen, best first; None where there is no choice to tell."""
    metric: str
    value: float
    low: float | None
    high: float | None
    baseline: float
    """Of a probe that knows nothing: a half of the area, the share of the more frequent answer of the accuracy."""


@dataclass(frozen=True, eq=False)
class ConceptTask:
    """Which texts have the label, and which side of the split each stands on."""

    y_N: np.ndarray
    group_N: np.ndarray
    """Whole numbers."""
    is_test_N: np.ndarray
    inner: tuple[np.ndarray, np.ndarray] | None = None
    """Training texts to fit with and to choose the penalty by; None takes the middle one."""
    ridges: Sequence[float] = (1e-3, 1e-2, 1e-1, 1.0)
    seed: int = 0
    random_draws: int = 8
    """Sets of random latents that are averaged over."""

    @property
    def train_M(self) -> Tensor:
        return torch.from_numpy(np.flatnonzero(~self.is_test_N))

    @property
    def test_M(self) -> Tensor:
        return torch.from_numpy(np.flatnonzero(self.is_test_N))


def concept_probing(texts: PooledTexts, task: ConceptTask, ks: Sequence[int]) -> Iterator[ProbeScore]:
    """Area under the ROC curve and accuracy on test texts.

    `chosen_latents`: the k whose own area on training texts is farthest from a half. `latents_by_difference`: the k
    whose means differ most, as SAEBench chooses. `random_latents`: k that fire in training texts, mean over draws.
    `all_latents`: every one. `raw_activation`: the activation, the ceiling of a linear probe. `shuffled_labels`: the
    choice and the fit on labels that were shuffled among training texts, against the true ones, mean over shufflings: a
    half, if nothing leaks. Each is a logistic regression, its penalty chosen on groups of training texts that it was
    not fitted to.

    Args:
        texts: What is read.
        task: What is told.
        ks: How many latents a probe reads; more than there are take all.
    """
    latents, train_M = texts.codes, task.train_M
    trained, y_M = latents.at(train_M), torch.from_numpy(task.y_N)[train_M]
    most = min(max(ks), latents.n_features)
    yield from _scores("raw_activation", None, None, task, tuned_logits(texts.x_ND, task, task.y_N, one_space=True))
    if len(latents.acts_M):
        logits_M = tuned_logits(texts.axes_NK, task, task.y_N, one_space=True)
        yield from _scores("all_latents", latents.n_features, None, task, logits_M)
    rankings = {
        "chosen_latents": (trained.aurocs(y_M[:, None]) - 0.5).abs(),
        "latents_by_difference": trained.differences(y_M[:, None]).abs(),
    }
    for reads, score_1F in rankings.items():
        features_K = strongest(score_1F, most)[0]
        columns_NK = latents.columns(features_K)
        for k in sorted({min(k, most) for k in ks}):
            chosen = tuple(features_K[:k].tolist())
            yield from _scores(reads, k, chosen, task, tuned_logits(columns_NK[:, :k], task, task.y_N))
    yield from _random(latents, trained, task, ks)
    yield from _shuffled(latents, trained, task, ks)


def _random(
    latents: CodesByFeature, trained: CodesByFeature, task: ConceptTask, ks: Sequence[int]
) -> Iterator[ProbeScore]:
    chance, live = np.random.default_rng(task.seed), torch.unique(trained.features_M)
    task = replace(task, inner=None)  # with few latents the penalty says little
    for k in sorted({min(k, len(live)) for k in ks} - {0}):
        draws = (live[torch.from_numpy(chance.choice(len(live), k, replace=False))] for _ in range(task.random_draws))
        logits = [tuned_logits(latents.columns(drawn_K), task, task.y_N) for drawn_K in draws]
        yield from _mean_scores("random_latents", k, task, logits)


def _shuffled(
    latents: CodesByFeature, trained: CodesByFeature, task: ConceptTask, ks: Sequence[int]
) -> Iterator[ProbeScore]:
    chance, train_M = np.random.default_rng(task.seed + 1), np.flatnonzero(~task.is_test_N)
    k, task = min(max(ks), latents.n_features), replace(task, inner=None)
    y_RN = np.tile(task.y_N, (task.random_draws, 1))
    y_RN[:, train_M] = chance.permuted(y_RN[:, train_M], axis=1)
    area_RF = trained.aurocs(torch.from_numpy(y_RN[:, train_M].T))
    chosen_RK = strongest((area_RF - 0.5).abs(), k)
    logits = [tuned_logits(latents.columns(chosen_K), task, y_N) for chosen_K, y_N in zip(chosen_RK, y_RN, strict=True)]
    yield from _mean_scores("shuffled_labels", k, task, logits)


def _mean_scores(reads: str, k: int, task: ConceptTask, logits: Sequence[np.ndarray]) -> Iterator[ProbeScore]:
    """Over probes: one alone may have any value, because a direction that knows nothing of a label is seldom at right
    angles to it."""
    scores = [score for logit_M in logits for score in _scores(reads, k, None, task, logit_M)]
    for metric in ("auroc", "accuracy"):
        mine = [score for score in scores if score.metric == metric]
        mean = float(np.mean([score.value for score in mine]))
        yield ProbeScore(reads, k, None, metric, mean, None, None, mine[0].baseline)


def tuned_logits(x_NK: Tensor, task: ConceptTask, y_N: np.ndarray, *, one_space: bool = False) -> np.ndarray:
    """Logits of test texts by a probe of training texts, whose penalty is chosen within training."""

    def fit(at_M: Tensor, ridge: float) -> LinearProbe:
        return fit_linear_probes(x_NK[at_M], torch.from_numpy(y_N)[at_M, None], one_space=one_space, ridge=ridge)

    ridge = sorted(task.ridges)[len(task.ridges) // 2]
    if task.inner is not None and len(task.ridges) > 1:
        fit_M, choose_M = (torch.from_numpy(part) for part in task.inner)
        losses = {}
        for each in sorted(task.ridges, reverse=True):
            logits_M = fit(fit_M, each).logits(x_NK[choose_M])[:, 0]
            wanted_M = torch.from_numpy(y_N[choose_M.numpy()]).to(logits_M)
            losses[each] = float(torch.nn.functional.binary_cross_entropy_with_logits(logits_M, wanted_M))
        ridge = min(losses, key=lambda each: losses[each])
    return fit(task.train_M, ridge).logits(x_NK[task.test_M])[:, 0].double().numpy()


def in_few_axes(latents: CodesByFeature) -> Tensor:
    """The texts in as few axes as they span, in which products between texts are those of all latents: a ridge
    regression on these is the one on every latent. Each latent that varies is scaled to variance 1."""
    n, (acts_M, features_M, texts_M) = (
        latents.n_tokens,
        (each.cpu().numpy() for each in (latents.acts_M.double(), latents.features_M, latents.tokens_M)),
    )
    mean_F = np.bincount(features_M, acts_M, minlength=latents.n_features) / n
    square_F = np.bincount(features_M, acts_M**2, minlength=latents.n_features) / n
    std_F = np.sqrt(np.maximum(square_F - mean_F**2, 0))
    inverse_F = np.divide(1, std_F, out=np.zeros_like(std_F), where=std_F > 1e-6 * std_F.max(initial=0))
    scaled = csr_array((acts_M * inverse_F[features_M], (texts_M, features_M)), shape=(n, latents.n_features))
    shift_F = mean_F * inverse_F
    cross_N = scaled @ shift_F
    gram_NN = (scaled @ scaled.T).toarray() - cross_N[:, None] - cross_N + shift_F @ shift_F
    value_N, vector_NN = np.linalg.eigh(gram_NN)
    kept_N = value_N > 1e-9 * value_N.max(initial=0)
    axes_NK = (vector_NN[:, kept_N] * np.sqrt(value_N[kept_N]))[:, ::-1]
    return torch.from_numpy(axes_NK.astype(np.float32))


def _scores(
    reads: str, k: int | None, features: tuple[int, ...] | None, task: ConceptTask, logit_M: np.ndarray
) -> Iterator[ProbeScore]:
    y_M, group_M = task.y_N[task.is_test_N], task.group_N[task.is_test_N]
    area, low, high = area_with_interval(logit_M, y_M, group_M)
    yield ProbeScore(reads, k, features, "auroc", area, low, high, 0.5)
    right_M = ((logit_M > 0) == y_M).astype(float)
    share, ends = float(y_M.mean()), grouped_interval(group_M.tolist(), right_M, task.seed)
    yield ProbeScore(reads, k, features, "accuracy", float(right_M.mean()), *ends, max(share, 1 - share))


def area_with_interval(
    score_M: np.ndarray, y_M: np.ndarray, group_M: np.ndarray
) -> tuple[float, float | None, float | None]:
    """Area under the ROC curve with its 95 % interval, texts of one group being alike."""
    clusters = Clusters(np.zeros(len(y_M), dtype=np.int64), np.unique(group_M, return_inverse=True)[1], 1)
    area, low, high = (float(each_L[0]) for each_L in auroc(clusters, y_M, score_M))
    return area, (None if np.isnan(low) else low), (None if np.isnan(high) else high)
