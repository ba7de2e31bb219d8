"""How much a few latents say of what a linear probe can read off the activation.

k-sparse probing (Gurnee et al. 2023, arXiv:2305.01610), as SAEBench and sae-probes ask it of dictionaries.

Axes: T tokens, D width, F latents, K chosen latents, C targets.
"""

import numpy as np
import torch
from torch import Tensor

from models.probes.codes_by_feature import CodesByFeature, strongest
from models.probes.linear_probe import fit_linear_probes
from models.probes.token_targets import TokenTargets

LATENTS = (1, 5, 20)
FEWEST = 50
"""A target counts where it has so many training tokens that are so, as many that are not, and a fifth of it in the
test."""


def sparse_probing(x_TD: Tensor, latents: CodesByFeature, targets: TokenTargets, is_test_T: Tensor) -> dict[str, float]:
    """Areas under the ROC curve on test tokens, means over the targets that have enough tokens.

    `sparse_probing_k1`, `_k5` and `_k20`: for each target the k latents whose own area under the ROC curve on training
    tokens is farthest from a half, of equal ones the lower, and a logistic regression on these k.
    `sparse_probing_raw`: the same regression on the whole activation, the ceiling of a linear probe.

    `sparse_probing_by_difference_k1` and so on: the k latents whose mean activation differs most, in size, as SAEBench
    chooses them. That depends on each latent's scale: a planted latent among others of mixed scales can be hundreds of
    ranks off, and on the bundled model the best single latent is .02 to .03 worse. The 20 latents of largest area say
    the same more often, though: with 20 the choice by difference is .006 to .018 better there.

    Args:
        x_TD: Activations, float32.
        latents: Their codes.
        targets: What is so of them.
        is_test_T: Which are kept from training.

    Returns:
        Metrics, and how many targets they are means over (`probing_targets`); none where no target has enough tokens. A
        k beyond the number of latents takes all of them.
    """
    train_N, test_N = torch.nonzero(~is_test_T)[:, 0], torch.nonzero(is_test_T)[:, 0]
    y_TC = torch.from_numpy(targets.is_so_TC).to(x_TD.device)
    enough_C = _enough(y_TC[train_N], FEWEST) & _enough(y_TC[test_N], FEWEST // 5)
    if not enough_C.any():
        return {}
    y_TC = y_TC[:, enough_C]
    trained, tested = latents.at(train_N), latents.at(test_N)
    most = min(max(LATENTS), latents.n_features)
    scores = {
        "sparse_probing": (trained.aurocs(y_TC[train_N]) - 0.5).abs(),
        "sparse_probing_by_difference": trained.differences(y_TC[train_N]).abs(),
    }
    found: dict[str, list[float]] = {}
    for name, score_CF in scores.items():
        for features_K, y_T in zip(strongest(score_CF, most), y_TC.T, strict=True):
            seen_TK, unseen_TK = trained.columns(features_K), tested.columns(features_K)
            for k in LATENTS:
                probe = fit_linear_probes(seen_TK[:, :k], y_T[train_N, None])
                area = auroc(probe.logits(unseen_TK[:, :k])[:, 0], y_T[test_N])
                found.setdefault(f"{name}_k{k}", []).append(area)
    logits_TC = fit_linear_probes(x_TD[train_N], y_TC[train_N], one_space=True).logits(x_TD[test_N])
    found["sparse_probing_raw"] = [auroc(z_T, y_T) for z_T, y_T in zip(logits_TC.T, y_TC[test_N].T, strict=True)]
    means = {name: float(np.mean(areas)) for name, areas in found.items()}
    return means | {"probing_targets": float(y_TC.shape[1])}


def _enough(y_TC: Tensor, fewest: int) -> Tensor:
    so_C = y_TC.sum(dim=0)
    return (so_C >= fewest) & (len(y_TC) - so_C >= fewest)


def auroc(scores_T: Tensor, y_T: Tensor) -> float:
    """Chance that a token that is so scores above one that is not; a tie counts half."""
    _, place_T, counts = torch.unique(scores_T, return_inverse=True, return_counts=True)
    rank_T = (counts.cumsum(0) - (counts - 1) / 2)[place_T].double()
    n, others = int(y_T.sum()), int((~y_T).sum())
    return (float(rank_T[y_T].sum()) - n * (n + 1) / 2) / (n * others)
