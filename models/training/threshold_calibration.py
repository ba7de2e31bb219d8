"""Thresholds chosen after training, on held-out tokens, so that the dictionary that is kept has the L0 that was wanted.

A BatchTopK code depends on its batch, and the thresholds of a JumpReLU end a little off their target. What is exported
is a JumpReLU dictionary whose thresholds are those of the training times one factor: the factor at which exactly k N of
the pre-activations of N held-out tokens exceed their threshold. Peers estimate such a threshold by a running mean over
training batches, and end up to a hundred times off the target after short runs.

Axes: T tokens of a chunk, F features, N places.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from models.dictionaries.architectures.jumprelu import JumpReLUSAE
from models.dictionaries.base import SparseDictionary
from models.dictionaries.normalization import RunningMoments
from models.sparse.threshold_select import entries_above, kth_largest

TOKENS = 2**18
"""Held-out tokens that are looked at, at most."""
PROBE = 1024
"""Of them are kept, to compare two dictionaries on."""
SAMPLE = 256
"""Tokens from which the factor is guessed first …"""
NEAR = 0.8
"""… and the share of the guess above which it is then looked for exactly."""
FARTHEST = 2.0
"""A learned threshold is multiplied or divided by so much at most: what is farther off was not learned."""


@dataclass(frozen=True, slots=True)
class L0AndFVU:
    """What a dictionary does on some tokens."""

    l0: float
    fvu: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """A dictionary as it leaves the trainer, and what it does before and after on the same held-out tokens."""

    sae: SparseDictionary
    trained: L0AndFVU
    exported: L0AndFVU
    factor: float
    """Of the thresholds; for BatchTopK, which has none, the threshold itself."""
    n_tokens: int
    probe_TD: Tensor
    """The first of those tokens, as the dictionary reads them."""


def calibrate(sae: SparseDictionary, chunks: Iterable[Tensor], k: float) -> Calibration:
    """A dictionary with the L0 that was wanted, as far as its thresholds decide that.

    Args:
        sae: In raw units, as trained. TopK, ReLU and Gated dictionaries have no threshold, and stay as they are.
        chunks: Held-out activations; batches of a BatchTopK dictionary, to see what it does in training. Of a
            transcoder, what is read beside what is written. Read once.
        k: The L0 that is wanted.

    Raises:
        ValueError: If there are no tokens.
    """
    held_out = held_out_sample(chunks)
    factor, exported = 1.0, sae.exported()
    if isinstance(exported, JumpReLUSAE):
        factor = threshold_factor(exported, held_out, k, learned=isinstance(sae, JumpReLUSAE))
        exported = exported.rescaled(factor)
    exported.requires_grad_(False)
    n_tokens, probe_TD = sum(map(len, held_out)), held_out[0][:PROBE, : sae.d_in]
    return Calibration(exported, measured(sae, held_out), measured(exported, held_out), factor, n_tokens, probe_TD)


def held_out_sample(chunks: Iterable[Tensor], tokens: int = TOKENS) -> list[Tensor]:
    """The first tokens of some chunks.

    Raises:
        ValueError: If there are none.
    """
    found, left = list[Tensor](), tokens
    for chunk in chunks:
        if left <= 0:
            break
        if len(chunk):
            found.append(chunk[:left].float())
        left -= len(chunk)
    if not found:
        raise ValueError(
            "no held-out token to calibrate on: one document in sixteen is held out, by its name, and this corpus has "
            "too few; give the model card a corpus of more documents"
        )
    return found


def measured(sae: SparseDictionary, chunks: Iterable[Tensor]) -> L0AndFVU:
    """L0 and FVU over all chunks, each coded as one batch."""
    moments, error, firings, device = RunningMoments.zero(sae.d_out), 0.0, 0, sae.W_dec.device
    with torch.no_grad():
        for rows in chunks:
            x_TD = rows[:, : sae.d_in].to(device)
            y_TE = rows[:, sae.d_in :].to(device) if sae.crosses else x_TD
            codes = sae.encode(x_TD)
            error += float((y_TE - sae.guess(x_TD, codes)).double().square().sum())
            firings += int((codes.acts_TK > 0).sum())
            moments += RunningMoments.of(y_TE)
    return L0AndFVU(firings / moments.n, error / max(moments.variation, 1e-300))


def threshold_factor(sae: JumpReLUSAE, chunks: list[Tensor], k: float, *, learned: bool) -> float:
    """The factor of the thresholds at which k features fire a token; within FARTHEST where thresholds were learned."""
    factor = _factor_for_l0(sae, chunks, k)
    return min(FARTHEST, max(1 / FARTHEST, factor)) if learned else factor


def _factor_for_l0(sae: JumpReLUSAE, chunks: list[Tensor], k: float) -> float:
    """Between the n-th and the next of the ratios of pre-activation to threshold, n = k times the tokens; 0, at which
    every positive one counts, where there are no more than n."""
    n = round(k * sum(map(len, chunks)))
    sample = chunks[0][:SAMPLE]
    of_sample_N = _ratios(sae, sample, 0.0)
    guess = float(kth_largest(of_sample_N, min(len(of_sample_N), round(k * len(sample))))) if len(of_sample_N) else 0.0
    for floor in (guess * NEAR, 0.0):
        values = torch.cat([_ratios(sae, rows, floor) for rows in chunks]).cpu().numpy()
        if len(values) > n:
            cut = len(values) - n
            below, above = np.partition(values, [cut - 1, cut])[cut - 1 : cut + 1].astype(np.float64)
            return float((below + above) / 2)
    return 0.0


@torch.no_grad()
def _ratios(sae: JumpReLUSAE, rows: Tensor, floor: float) -> Tensor:
    """Pre-activations over thresholds where they exceed `floor` and 0."""
    x_TD = rows[:, : sae.d_in].to(sae.W_dec.device) - sae.centre_D
    level_F = sae.threshold * floor
    slots, pre_M = entries_above(x_TD, sae.encoder_FD, sae.b_enc, level_F.clamp_min(0))
    return pre_M / slots.each(sae.threshold)
