"""Whether a concept's latents stay silent on some of its kinds, for which other latents speak: absorption over sets.

SAEBench's absorption (Chanin et al. 2024, arXiv:2409.14507; Karvonen et al. 2025) asks it of first letters and words;
here of any label whose texts are of kinds: an animal's are its species. No spelling is asked for.

Axes: N texts, R of them that the probe is right on, W tokens of a class, F latents, K main latents.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from models.evaluation.absorption import ClassAbsorption, class_absorption
from models.evaluation.concept_probing import PooledTexts
from models.numerics.bootstrap import grouped_interval

LEAST_F1 = 0.6
"""Of the probe on test texts, from which a label has rates: SAEBench's."""
FEWEST_RIGHT = 20
"""Test texts that the probe is right on, from which it has."""


@dataclass(frozen=True, slots=True)
class Rate:
    """A mean over the test texts that the probe is right on, with its interval over kinds, and the same where random
    latents stand for the concept: what would be absorbed if its own said nothing."""

    value: float
    low: float | None
    high: float | None
    random: float


@dataclass(frozen=True, slots=True)
class KindAbsorption:
    """One kind of a concept, of which no text chose anything."""

    kind: str
    n_texts: int
    n_right: int
    n_absorbed: int
    fraction: float | None
    """Mean over the texts that the probe is right on; None where there is none."""
    feature: int | None
    """The latent that absorbs most of its texts, or brings most where none does it whole."""
    cosine: float | None
    """Of its decoder row with the concept's direction."""


@dataclass(frozen=True, slots=True)
class ConceptAbsorption:
    """One concept's test texts."""

    label: int
    main: tuple[int, ...]
    f1: float
    n_texts: int
    n_right: int
    absorbed: Rate | None
    """Share of texts on which another latent speaks in the place of all main ones; None where too few are right."""
    fraction: Rate | None
    """How much of the concept other latents bring."""
    kinds: tuple[KindAbsorption, ...]


def concept_absorption(
    texts: PooledTexts,
    class_N: np.ndarray,
    kind_N: Sequence[str],
    is_test_N: np.ndarray,
    W_dec_FD: Tensor,
    b_dec_D: Tensor,
    random_draws: int = 8,
    seed: int = 0,
) -> Iterator[ConceptAbsorption]:
    """Absorption of each label on texts of kinds that neither fitted its probe nor chose its latents.

    Args:
        texts: Activations and codes; no largest ones, which decoder rows do not add up to.
        class_N: Labels as numbers from 0.
        kind_N: The kind of each text, of one label each.
        is_test_N: Texts that are reported, whole kinds.
        W_dec_FD: The decoder.
        b_dec_D: Its bias.
        random_draws: Sets of random latents, as many as the main ones, that are averaged over.
        seed: Of the draws.
    """
    train_N, test_N = (torch.from_numpy(np.flatnonzero(of)) for of in (~is_test_N, is_test_N))
    given = texts.x_ND, texts.codes, class_N, train_N, test_N, W_dec_FD, b_dec_D
    found = class_absorption(*given)
    live_F = texts.codes.at(train_N).features_M.unique().numpy()
    chance = np.random.default_rng(seed)
    random = [
        class_absorption(*given, main=[_drawn(live_F, len(of.main_K), chance) for of in found])
        for _ in range(random_draws)
    ]
    for label, of in enumerate(found):
        right_R = of.rows_M[torch.from_numpy(of.right_M)]
        kinds_R = np.asarray(kind_N)[right_R.numpy()].tolist()
        is_told = of.f1 >= LEAST_F1 and len(right_R) >= FEWEST_RIGHT
        own = [each[label] for each in random]
        yield ConceptAbsorption(
            label,
            tuple(of.main_K.tolist()),
            of.f1,
            len(of.rows_M),
            len(right_R),
            _rate(of.absorbing_R >= 0, kinds_R, [each.absorbing_R >= 0 for each in own], seed) if is_told else None,
            _rate(of.fraction_R, kinds_R, [each.fraction_R for each in own], seed) if is_told else None,
            tuple(_kinds(texts, of, right_R, kind_N, W_dec_FD)),
        )


def _drawn(live_F: np.ndarray, n: int, chance: np.random.Generator) -> Tensor:
    return torch.from_numpy(chance.choice(live_F, min(n, len(live_F)), replace=False))


def _rate(value_R: np.ndarray, kinds_R: Sequence[str], random_R: Sequence[np.ndarray], seed: int) -> Rate:
    low, high = grouped_interval(kinds_R, value_R.astype(np.float64), seed)
    return Rate(float(value_R.mean()), low, high, float(np.mean([each.mean() for each in random_R])))


def _kinds(
    texts: PooledTexts, of: ClassAbsorption, right_R: Tensor, kind_N: Sequence[str], W_dec_FD: Tensor
) -> Iterator[KindAbsorption]:
    """In the order of their names."""
    brings_F = W_dec_FD @ of.direction_D
    all_M, of_kind_R = (np.asarray(kind_N)[rows.numpy()] for rows in (of.rows_M, right_R))
    for kind in np.unique(all_M).tolist():
        mine_R = of_kind_R == kind
        absorbing = of.absorbing_R[mine_R]
        whole = absorbing[absorbing >= 0]
        partly_R = mine_R & (of.fraction_R > 0)
        feature = None
        if len(whole):
            feature = int(np.bincount(whole).argmax())
        elif partly_R.any():
            codes = texts.codes.at(right_R[torch.from_numpy(partly_R)])
            brought_M = codes.acts_M * brings_F[codes.features_M]
            brought_F = torch.bincount(codes.features_M, brought_M.double(), minlength=codes.n_features)
            brought_F[of.main_K] = 0
            feature = int(brought_F.argmax())
        yield KindAbsorption(
            kind,
            int((all_M == kind).sum()),
            int(mine_R.sum()),
            len(whole),
            float(of.fraction_R[mine_R].mean()) if mine_R.any() else None,
            feature,
            None if feature is None else float(brings_F[feature] / W_dec_FD[feature].norm()),
        )
