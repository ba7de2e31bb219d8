"""Whether the latent of a concept stays silent where a more specific latent speaks for it: first letters of words.

Feature absorption (Chanin et al. 2024, "A is for Absorption", arXiv:2409.14507), in the two forms that SAEBench has:
projections on a probe, without ablations. The same can be asked of any label that has kinds: a letter's are its words.

Axes: T tokens, D width, F latents, W occurrences of words, L letters, M firings.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from models.numerics.hash_sampling import hash_draw
from models.probes.codes_by_feature import CodesByFeature, strongest
from models.probes.linear_probe import fit_linear_probes

FEWEST_WORDS = 20
"""A letter counts where so many tokens of the vocabulary begin with it in training, and a quarter as many in the
test."""
FEWEST_FOUND = 20
"""A rate is given where the probe is right on so many occurrences …"""
LEAST_ACCURACY = 0.5
"""… and on such a share of them: where the letter cannot be read off the activation, no latent need say it."""
PER_WORD = 4
"""Occurrences of one token of the vocabulary, at most: the first ones."""
MIN_F1_GAIN = 0.03
"""What one more latent must add to F1 to be one of a letter's."""
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
class LetterAbsorption:
    """One letter's occurrences of words that the probe did not learn from."""

    letter: int
    main_latents: tuple[int, ...]
    """Those that stand for the letter, best first."""
    n_words: int
    n_right: int
    n_absorbed: int
    fraction: float
    """Of the letter's part of the activation, brought by other latents: the sum over occurrences that the probe is
    right on."""


@dataclass(frozen=True, slots=True)
class AbsorptionCounts:
    """Counts over occurrences of words that the probe did not learn from."""

    n_words: int
    n_right: int
    """The probe's largest logit is that of the word's letter."""
    n_absorbed: int
    main_latents: tuple[int, ...]
    """How many latents stand for each letter that counts."""
    fraction: float = 0.0
    """Sum over occurrences that the probe is right on."""

    @classmethod
    def of(cls, letters: Sequence[LetterAbsorption]) -> "AbsorptionCounts":
        return cls(
            sum(each.n_words for each in letters),
            sum(each.n_right for each in letters),
            sum(each.n_absorbed for each in letters),
            tuple(len(each.main_latents) for each in letters),
            sum(each.fraction for each in letters),
        )

    def metrics(self) -> dict[str, tuple[float, int]]:
        """Values, each with the number of occurrences that it is of."""
        if not self.main_latents:
            return {}
        found = {
            "first_letter_accuracy": (self.n_right / self.n_words, self.n_words),
            "latents_per_letter": (float(np.mean(self.main_latents)), self.n_words),
        }
        if self.n_right >= max(FEWEST_FOUND, LEAST_ACCURACY * self.n_words):
            found["absorption_rate"] = (self.n_absorbed / self.n_right, self.n_right)
            found["absorption_fraction"] = (self.fraction / self.n_right, self.n_right)
        return found


def absorption(
    x_TD: Tensor, latents: CodesByFeature, token_T: np.ndarray, letter_T: np.ndarray, W_dec_FD: Tensor, b_dec_D: Tensor
) -> list[LetterAbsorption]:
    """First-letter absorption of one dictionary, on words as they stand in a corpus.

    Words are tokens of the vocabulary that are a word (`token_targets.first_letters`), at most PER_WORD occurrences of
    each; a hash of the token id keeps a quarter of them, with all their occurrences, for the test. One logistic
    regression a letter reads the activation: its weights are the letter's direction. A letter's main latents are those
    with the largest area under the ROC curve for its words, of equal ones the lower, one more as long as it raises the
    F1 of a logistic regression on them by more than MIN_F1_GAIN, on training words. A test word is absorbed where the
    probe is right, no main latent of its letter fires, and the latent whose decoder row brings most along the direction
    has a cosine with it above COSINE and brings at least SHARE of what the activation, less the decoder's bias, has
    along it. The fraction says the same of words whose main latents fire more weakly (`absorbed_fractions`).

    What differs from the paper and from SAEBench: words are met in running text, not in a prompt that asks for their
    spelling; nothing is ablated (as SAEBench); latents are ranked by their area, not by an L1 probe; the rate is
    over the words of all letters together, not the mean of the letters' rates.

    Args:
        x_TD: Activations at the site that the dictionary reads and writes.
        latents: Their codes.
        token_T: Their token ids.
        letter_T: First letters of the tokens as numbers, -1 where they are no words.
        W_dec_FD: The decoder.
        b_dec_D: Its bias.

    Returns:
        A row a letter; none where fewer than two letters have enough words.
    """
    words_W = _words(token_T, letter_T)
    test_W = hash_draw(token_T[words_W], 0, 0) % 4 == 0
    letters = _letters(token_T[words_W], letter_T[words_W], test_W)
    kept_W = np.isin(letter_T[words_W], letters)
    if len(letters) < 2:
        return []
    device = x_TD.device
    train_N, test_N = (torch.from_numpy(words_W[kept_W & of]).to(device) for of in (~test_W, test_W))
    letter_N = torch.from_numpy(np.searchsorted(letters, letter_T)).to(device)
    seen_WL = torch.nn.functional.one_hot(letter_N[train_N], len(letters)).bool()
    probe = fit_linear_probes(x_TD[train_N], seen_WL, one_space=True)
    right_W = probe.logits(x_TD[test_N]).argmax(dim=1) == letter_N[test_N]
    trained = latents.at(train_N)
    ranked_LF = strongest(trained.aurocs(seen_WL), MAX_MAIN_LATENTS)
    main = [main_latents(trained, ranked_F, y_W) for ranked_F, y_W in zip(ranked_LF, seen_WL.T, strict=True)]
    rows = []
    for place, (letter, mine_K) in enumerate(zip(letters, main, strict=True)):
        of_letter_W = letter_N[test_N] == place
        found_N = test_N[right_W & of_letter_W]
        direction_D = torch.nn.functional.normalize(probe.weights_KC[:, place], dim=0)
        along_W = (x_TD[found_N] - b_dec_D) @ direction_D
        found = latents.at(found_N), mine_K, W_dec_FD, direction_D, along_W
        n_absorbed, fraction = int(absorbed(*found).sum()), float(absorbed_fractions(*found).sum())
        counts = int(of_letter_W.sum()), len(found_N), n_absorbed, fraction
        rows.append(LetterAbsorption(letter, tuple(mine_K.tolist()), *counts))
    return rows


def _words(token_T: np.ndarray, letter_T: np.ndarray) -> np.ndarray:
    """Places of the first PER_WORD occurrences of each word."""
    places = np.flatnonzero(letter_T >= 0)
    places = places[np.argsort(token_T[places], kind="stable")]
    _, first, counts = np.unique(token_T[places], return_index=True, return_counts=True)
    return np.sort(places[np.arange(len(places)) - np.repeat(first, counts) < PER_WORD])


def _letters(token_W: np.ndarray, letter_W: np.ndarray, test_W: np.ndarray) -> list[int]:
    """Letters with enough different words on both sides, ascending."""
    letters = np.unique(letter_W).tolist()
    seen, unseen = ({i: len(np.unique(token_W[of & (letter_W == i)])) for i in letters} for of in (~test_W, test_W))
    return [i for i in letters if seen[i] >= FEWEST_WORDS and unseen[i] >= FEWEST_WORDS // 4]


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


def absorbed(
    latents: CodesByFeature, main_K: Tensor, W_dec_FD: Tensor, direction_D: Tensor, along_W: Tensor
) -> np.ndarray:
    """Which words another latent speaks for, bool; `along_W` is what their activations have along the direction."""
    brings_F = W_dec_FD @ direction_D
    cosine_F = brings_F / torch.linalg.vector_norm(W_dec_FD, dim=1).clamp_min(torch.finfo(W_dec_FD.dtype).tiny)
    brought_M = (latents.acts_M * brings_F[latents.features_M]).cpu().numpy()
    words_M, features_M = latents.tokens_M.cpu().numpy(), latents.features_M.cpu().numpy()
    order_M = np.argsort(brought_M, kind="stable")
    best_W, top_W = np.zeros(latents.n_tokens), np.zeros(latents.n_tokens, dtype=np.int64)
    best_W[words_M[order_M]], top_W[words_M[order_M]] = brought_M[order_M], features_M[order_M]
    silent_W, along = ~latents.columns(main_K).any(dim=1).cpu().numpy(), along_W.cpu().numpy()
    aligned_W = cosine_F.cpu().numpy()[top_W] > COSINE
    return silent_W & aligned_W & (along > 0) & (best_W >= SHARE * along)


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
