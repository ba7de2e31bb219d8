"""Words whose letter's latent was silenced by hand are found, every one, and nothing else is."""

import numpy as np
import pytest
import torch

from models.evaluation.absorption import absorbed_fractions, absorbing_latents
from models.evaluation.letter_absorption import AbsorptionCounts, letter_absorption
from models.probes.codes_by_feature import CodesByFeature
from models.sparse.codes import SparseCodes

LETTERS, WORDS, TIMES, D = 4, 60, 4, 16
N = LETTERS * WORDS * TIMES
TOKEN_T = np.tile(np.arange(LETTERS * WORDS), TIMES)
LETTER_T = TOKEN_T % LETTERS
OCCURRENCE_T = np.repeat(np.arange(TIMES), LETTERS * WORDS)


def activations() -> torch.Tensor:
    """A direction for each letter, and small differences between words."""
    small = torch.randn(LETTERS * WORDS, D, generator=torch.Generator().manual_seed(0)) * 0.02
    small[:, :LETTERS] = 0
    return torch.eye(D)[torch.from_numpy(LETTER_T)] + small[torch.from_numpy(TOKEN_T)] + 3


def measured(main_T: np.ndarray, own_T: np.ndarray, own_row: torch.Tensor | None = None, letter_T=LETTER_T):
    """Latent of each letter fires where told (main_T >= 0 names it), each word's own latent where own_T says so."""
    main = torch.from_numpy(main_T)
    features_TK = torch.stack([main.clamp_min(0), 2 * LETTERS + torch.from_numpy(TOKEN_T)], dim=1)
    acts_TK = torch.stack([(main >= 0).float(), torch.from_numpy(own_T).float()], dim=1)
    latents = CodesByFeature.of([SparseCodes(acts_TK, features_TK, 2 * LETTERS + LETTERS * WORDS)])
    letters = torch.eye(D)[torch.arange(LETTERS)]
    owns = letters[torch.arange(LETTERS * WORDS) % LETTERS] if own_row is None else own_row.expand(LETTERS * WORDS, D)
    W_dec = torch.cat([letters, letters, owns])
    b_dec = torch.full((D,), 3.0)
    return AbsorptionCounts.of(letter_absorption(activations(), latents, TOKEN_T, letter_T, W_dec, b_dec))


def test_nothing_is_absorbed_where_the_letters_latent_always_fires():
    found = measured(LETTER_T, np.zeros(N))
    assert found.metrics()["absorption_rate"][0] == 0
    assert found.metrics()["first_letter_accuracy"][0] == 1
    assert found.main_latents == (1,) * LETTERS


@pytest.mark.parametrize("times", [1, 2])
def test_the_share_of_occurrences_that_were_absorbed_is_the_rate(times):
    """Every word's own latent takes over in so many of its four occurrences."""
    taken_T = times > OCCURRENCE_T
    found = measured(np.where(taken_T, -1, LETTER_T), taken_T)
    assert found.metrics()["absorption_rate"] == (times / TIMES, found.n_words)
    assert found.n_words % TIMES == 0
    assert LETTERS * WORDS / 8 < found.n_words / TIMES < LETTERS * WORDS / 2, "about a quarter of the words"
    assert found.main_latents == (1,) * LETTERS, "a latent of one word adds little to F1"


def test_silence_alone_is_no_absorption():
    taken_T = OCCURRENCE_T < 1
    assert measured(np.where(taken_T, -1, LETTER_T), np.zeros(N)).n_absorbed == 0, "no other latent fires"
    elsewhere = torch.eye(D)[D - 1]
    found = measured(np.where(taken_T, -1, LETTER_T), taken_T, elsewhere)
    assert found.n_absorbed == 0, "the other latent does not point the letter's way"
    found = measured(np.where(taken_T, -1, LETTER_T), taken_T * 0.3)
    assert found.n_absorbed == 0, "the other latent brings less than two fifths"
    found = measured(np.where(taken_T, -1, LETTER_T), taken_T * 0.5)
    assert found.n_absorbed == found.n_words / TIMES


def test_a_letter_split_in_two_has_two_main_latents_and_absorbs_nothing():
    halves_T = np.where(OCCURRENCE_T < 2, LETTER_T, LETTER_T + LETTERS)
    found = measured(halves_T, np.zeros(N))
    assert found.main_latents == (2,) * LETTERS
    assert found.n_absorbed == 0


def test_letters_with_too_few_words_do_not_count():
    few_T = np.where((LETTER_T == 3) & (TOKEN_T > 40), -1, LETTER_T)
    assert measured(LETTER_T, np.zeros(N), letter_T=few_T).main_latents == (1,) * 3
    none_T = np.where(TOKEN_T > 40, -1, LETTER_T)
    assert measured(LETTER_T, np.zeros(N), letter_T=none_T).metrics() == {}


def test_no_rate_where_the_probe_is_mostly_wrong():
    assert set(AbsorptionCounts(100, 40, 10, (1, 1)).metrics()) == {"first_letter_accuracy", "latents_per_letter"}
    assert AbsorptionCounts(100, 50, 10, (1, 2)).metrics()["absorption_rate"] == (0.2, 50)


def planted_words(share: float, swallowed: float) -> tuple[np.ndarray, np.ndarray]:
    """Words whose own latent (cosine .8 with the letter's direction) takes over on a share of them, and the letter's
    main latent falls by `swallowed`: whether each is absorbed, and which fraction of it."""
    chance, n, width = np.random.default_rng(0), 2000, 32
    letter, others = torch.eye(width)[0], torch.eye(width)[1:9]
    W_dec = torch.cat([letter[None], 0.8 * letter + 0.6 * others])
    word_N, taken_N = chance.integers(0, 8, n), chance.random(n) < share
    main_N = np.where(taken_N, 1 - swallowed, 1.0)
    own_N = np.where(taken_N, swallowed / 0.8, 0.0)
    acts_NF = torch.zeros(n, 9)
    acts_NF[:, 0] = torch.from_numpy(main_N)
    acts_NF[torch.arange(n), 1 + torch.from_numpy(word_N)] = torch.from_numpy(own_N).float()
    text, feature = acts_NF.nonzero(as_tuple=True)
    latents = CodesByFeature.of_entries(text, feature, acts_NF[text, feature], 9, n)
    given = latents, torch.tensor([0]), W_dec, letter, (acts_NF @ W_dec) @ letter
    return absorbing_latents(*given) >= 0, absorbed_fractions(*given)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.3, 0.6])
def test_rate_and_fraction_are_the_planted_share_where_words_are_swallowed_whole(share: float):
    """The reference: .000 .110 .343 .611."""
    full_N, fraction_N = planted_words(share, swallowed=1.0)
    assert full_N.mean() == pytest.approx(share, abs=0.03)
    assert fraction_N.mean() == pytest.approx(full_N.mean(), abs=1e-6)


def test_half_swallowed_words_have_a_fraction_and_no_rate():
    full_N, fraction_N = planted_words(0.5, swallowed=0.5)
    assert not full_N.any()
    assert fraction_N[fraction_N > 0] == pytest.approx(0.5, abs=1e-5)
    assert (fraction_N > 0).mean() == pytest.approx(0.5, abs=0.03)
