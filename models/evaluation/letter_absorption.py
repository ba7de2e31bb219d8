"""Whether the latent of a first letter stays silent where the latent of a word speaks for it, in running text.

Axes: T tokens, D width, F latents, W occurrences of words, L letters.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from models.evaluation.absorption import class_absorption
from models.numerics.hash_sampling import hash_draw
from models.probes.codes_by_feature import CodesByFeature

FEWEST_WORDS = 20
"""A letter counts where so many tokens of the vocabulary begin with it in training, and a quarter as many in the
test."""
FEWEST_FOUND = 20
"""A rate is given where the probe is right on so many occurrences …"""
LEAST_ACCURACY = 0.5
"""… and on such a share of them: where the letter cannot be read off the activation, no latent need say it."""
PER_WORD = 4
"""Occurrences of one token of the vocabulary, at most: the first ones."""


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


def letter_absorption(
    x_TD: Tensor, latents: CodesByFeature, token_T: np.ndarray, letter_T: np.ndarray, W_dec_FD: Tensor, b_dec_D: Tensor
) -> list[LetterAbsorption]:
    """First-letter absorption of one dictionary, on words as they stand in a corpus.

    Words are tokens of the vocabulary that are a word (`token_targets.first_letters`), at most PER_WORD occurrences of
    each; a hash of the token id keeps a quarter of them, with all their occurrences, for the test, which is read
    as `class_absorption` says.

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
    place_T = np.searchsorted(letters, letter_T)
    found = class_absorption(x_TD, latents, place_T, train_N, test_N, W_dec_FD, b_dec_D)
    return [
        LetterAbsorption(
            letter,
            tuple(of.main_K.tolist()),
            len(of.right_M),
            int(of.right_M.sum()),
            int((of.absorbing_R >= 0).sum()),
            float(of.fraction_R.sum()),
        )
        for letter, of in zip(letters, found, strict=True)
    ]


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
