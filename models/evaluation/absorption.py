"""Whether the latents of a class of tokens or texts stay silent where more specific latents speak for it.

Feature absorption (Chanin et al. 2024, "A is for Absorption", arXiv:2409.14507), in the two forms that SAEBench has:
projections on a probe, without ablations. A class is anything that has kinds: a letter's are its words.

Axes: T tokens or texts, D width, F latents, W tokens of them, L classes, K main latents, M firings or rows of a class.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from models.probes.codes_by_feature import CodesByFeature, strongest
from models.probes.linear_probe import fit_linear_probes

MIN_F1_GAIN = 0.03
"""What one more latent must add to F1 to be one of a class's."""
MAX_MAIN_LATENTS = 10
COSINE = 0.025
"""With the probe, of a latent that absorbs."""
SHARE = 0.4
"""Of the activation's projection on the probe, that the absorbing latents bring."""
PARTLY_COSINE = 0.1
"""With the probe, of a latent that absorbs a part."""
MOST_ABSORBING = 3
"""Latents that together absorb a part, at most."""


@dataclass(frozen=True, slots=True)
class ClassAbsorption:
    """One class's test rows. M rows of it, R of them that the probe is right on."""

    main_K: Tensor
    """Latents that stand for the class, best first."""
    rows_M: Tensor
    right_M: np.ndarray
    """The probe's largest logit is that of the class, bool."""
    absorbing_R: np.ndarray
    """The latent that speaks for the row in the place of the main ones; -1 where none does."""
    fraction_R: np.ndarray
    f1: float
    """Of the probe on the test rows."""
    direction_D: Tensor
    """The probe's, of norm 1."""


def class_absorption(
    x_TD: Tensor,
    latents: CodesByFeature,
    class_T: np.ndarray,
    train_N: Tensor,
    test_N: Tensor,
    W_dec_FD: Tensor,
    b_dec_D: Tensor,
    main: Sequence[Tensor] | None = None,
) -> list[ClassAbsorption]:
    """Absorption of each class on test rows, by probes and main latents of training rows.

    One logistic regression a class reads the activation: its weights are the class's direction. A class's main latents
    are those with the largest area under the ROC curve for it, of equal ones the lower, one more as long as it raises
    the F1 of a logistic regression on them by more than MIN_F1_GAIN. A test row is absorbed where the probe is right,
    no main latent of its class fires, and the latent whose decoder row brings most along the direction has a cosine
    with it above COSINE and brings at least SHARE of what the activation, less the decoder's bias, has along it. The
    fraction says the same of rows whose main latents fire more weakly (`absorbed_fractions`).

    Args:
        x_TD: Activations at the site that the dictionary reads and writes.
        latents: Their codes.
        class_T: Classes as numbers from 0, without a gap among the training rows.
        train_N: Rows that fit probes and choose latents.
        test_N: Rows that are reported.
        W_dec_FD: The decoder.
        b_dec_D: Its bias.
        main: Latents in the place of the main ones, a class each, as a control; None chooses them.
    """
    class_N = torch.from_numpy(class_T).to(x_TD.device)
    seen_WL = torch.nn.functional.one_hot(class_N[train_N]).bool()
    probe = fit_linear_probes(x_TD[train_N], seen_WL, one_space=True)
    said_W = probe.logits(x_TD[test_N]).argmax(dim=1)
    trained = latents.at(train_N)
    if main is None:
        ranked_LF = strongest(trained.aurocs(seen_WL), MAX_MAIN_LATENTS)
        main = [main_latents(trained, ranked_F, y_W) for ranked_F, y_W in zip(ranked_LF, seen_WL.T, strict=True)]
    rows = []
    for place, mine_K in enumerate(main):
        is_so_W = class_N[test_N] == place
        right_W = is_so_W & (said_W == place)
        right_N = test_N[right_W]
        direction_D = torch.nn.functional.normalize(probe.weights_KC[:, place], dim=0)
        along_R = (x_TD[right_N] - b_dec_D) @ direction_D
        given = latents.at(right_N), mine_K, W_dec_FD, direction_D, along_R
        row = ClassAbsorption(
            mine_K,
            test_N[is_so_W],
            right_W[is_so_W].cpu().numpy(),
            absorbing_latents(*given),
            absorbed_fractions(*given),
            _f1(said_W == place, is_so_W),
            direction_D,
        )
        rows.append(row)
    return rows


def main_latents(trained: CodesByFeature, ranked_F: Tensor, y_W: Tensor) -> Tensor:
    """As many of the ranked latents as F1 asks for, at least one."""
    best, columns_WK = -MIN_F1_GAIN, trained.columns(ranked_F)
    for n in range(len(ranked_F)):
        score = _f1(
            fit_linear_probes(columns_WK[:, : n + 1], y_W[:, None]).logits(columns_WK[:, : n + 1])[:, 0] > 0, y_W
        )
        if score <= best + MIN_F1_GAIN and n:
            return ranked_F[:n]
        best = score
    return ranked_F


def _f1(said_W: Tensor, y_W: Tensor) -> float:
    wrong = int((said_W != y_W).sum())
    return 2 * int((said_W & y_W).sum()) / max(1, 2 * int((said_W & y_W).sum()) + wrong)


def absorbing_latents(
    latents: CodesByFeature, main_K: Tensor, W_dec_FD: Tensor, direction_D: Tensor, along_W: Tensor
) -> np.ndarray:
    """The latent that speaks for each word in the place of the main ones, -1 where none does; `along_W` is what their
    activations have along the direction."""
    brings_F = W_dec_FD @ direction_D
    cosine_F = brings_F / torch.linalg.vector_norm(W_dec_FD, dim=1).clamp_min(torch.finfo(W_dec_FD.dtype).tiny)
    brought_M = (latents.acts_M * brings_F[latents.features_M]).cpu().numpy()
    words_M, features_M = latents.tokens_M.cpu().numpy(), latents.features_M.cpu().numpy()
    order_M = np.argsort(brought_M, kind="stable")
    best_W, top_W = np.zeros(latents.n_tokens), np.zeros(latents.n_tokens, dtype=np.int64)
    best_W[words_M[order_M]], top_W[words_M[order_M]] = brought_M[order_M], features_M[order_M]
    silent_W, along = ~latents.columns(main_K).any(dim=1).cpu().numpy(), along_W.cpu().numpy()
    aligned_W = cosine_F.cpu().numpy()[top_W] > COSINE
    return np.where(silent_W & aligned_W & (along > 0) & (best_W >= SHARE * along), top_W, -1)


def absorbed_fractions(
    latents: CodesByFeature, main_K: Tensor, W_dec_FD: Tensor, direction_D: Tensor, along_W: Tensor
) -> np.ndarray:
    """How much of each word's letter other latents speak for, from 0 to 1.

    With p what the activation has along the direction, m what the main latents bring of it and t what the
    MOST_ABSORBING others bring that bring most, of those with a cosine of PARTLY_COSINE or more: 0 where m >= p or
    t < SHARE p, 1 where m <= 0, else u / (u + m) with u = min(t, p - m). So a dictionary whose main latents never fall
    silent, but fall low, is seen too.
    """
    brings_F = W_dec_FD @ direction_D
    cosine_F = brings_F / torch.linalg.vector_norm(W_dec_FD, dim=1).clamp_min(torch.finfo(W_dec_FD.dtype).tiny)
    main_W = (latents.columns(main_K) @ brings_F[main_K]).double().cpu().numpy()
    is_main_F = torch.zeros(latents.n_features, dtype=torch.bool, device=brings_F.device)
    is_main_F[main_K] = True
    brought_M = latents.acts_M * brings_F[latents.features_M]
    counts_M = (brought_M > 0) & (cosine_F >= PARTLY_COSINE)[latents.features_M] & ~is_main_F[latents.features_M]
    brought, words = brought_M[counts_M].double().cpu().numpy(), latents.tokens_M[counts_M].cpu().numpy()
    order = np.lexsort((-brought, words))
    brought, words = brought[order], words[order]
    first = np.searchsorted(words, words)
    top = np.arange(len(words)) - first < MOST_ABSORBING
    others_W = np.bincount(words[top], brought[top], minlength=latents.n_tokens)
    along = along_W.double().cpu().numpy()
    part_W = np.minimum(others_W, along - main_W)
    shared_W = np.divide(part_W, part_W + main_W, out=np.zeros_like(along), where=(part_W > 0) & (main_W > 0))
    fraction_W = np.where(main_W <= 0, 1.0, shared_W)
    return np.where((main_W >= along) | (others_W < SHARE * along) | (along <= 0), 0.0, fraction_W)
