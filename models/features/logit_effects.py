"""Which tokens a feature makes more likely and less, read straight off the unembedding.

Axes: F features, B of them at a time, D width, V vocabulary, N kept tokens.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from models.language_model.sites import Site
from models.language_model.token_strings import TokenStrings
from models.language_model.unembedding import Unembedding
from models.numerics.stable_topk import stable_topk
from storage.table_schemas.logit_effect import SCHEMA as LOGIT_EFFECT
from storage.table_schemas.logit_shape import SCHEMA as LOGIT_SHAPE

RESIDUAL_KINDS = {"resid_pre", "resid_mid", "resid_post", "attn_out", "mlp_out", "embed"}
"""Kinds of site whose directions are directions of the residual stream."""
TILE = {"cpu": 2**22, "cuda": 2**28}
"""Effects held at once."""


@dataclass(frozen=True, slots=True)
class LogitEffects:
    """Tables `logit_effect` and `logit_shape` of one dictionary; `reason` says why they are empty where they are."""

    effect: pa.Table
    shape: pa.Table
    reason: str | None = None


def logit_effects(
    W_dec_FD: Tensor, site: Site, unembedding: Unembedding | None, pieces: TokenStrings, n: int
) -> LogitEffects:
    """Direct effect of each feature's unit decoder direction on the logits.

    The direction is read by the final norm's gain and the output embedding as if nothing lay between: exact for what
    the feature writes past all later blocks, silent on what these do with it. Rows of the unembedding that no token
    has are left out.

    Args:
        W_dec_FD: The decoder; its rows' lengths do not matter.
        site: Where the dictionary writes.
        unembedding: The model's; None for an encoder.
        pieces: Texts of the tokens.
        n: Tokens kept at either end.

    Returns:
        The n most promoted and the n most suppressed tokens of each feature, ties to the lower id; skewness and
        kurtosis (3 for a normal distribution) of the effects over the vocabulary, null for a feature that has no
        effect.
    """
    if (reason := _reason_not_defined(site, unembedding)) is not None or unembedding is None:
        return no_effects(reason)
    words = pa.array(pieces.texts)
    effects, shapes = [], []
    for first, effects_BV in _blocks(W_dec_FD, unembedding, len(pieces.texts)):
        features_B = np.arange(first, first + len(effects_BV), dtype=np.int32)
        for direction, sign in (("positive", 1), ("negative", -1)):
            logits_BN, tokens_BN = stable_topk(sign * effects_BV, n)
            effects.append(_effect_rows(features_B, direction, sign * logits_BN, tokens_BN, words))
        shapes.append(_shape_rows(features_B, effects_BV))
    return LogitEffects(pa.concat_tables(effects), pa.concat_tables(shapes))


def no_effects(reason: str | None) -> LogitEffects:
    """Empty tables, and why they are empty."""
    return LogitEffects(LOGIT_EFFECT.empty_table(), LOGIT_SHAPE.empty_table(), reason)


def _reason_not_defined(site: Site, unembedding: Unembedding | None) -> str | None:
    if unembedding is None:
        return "the model is an encoder: it predicts no next token, so that no direction has a direct effect on one"
    if site.kind not in RESIDUAL_KINDS:
        return f"{site} is not in the residual stream: its directions do not reach the unembedding"
    return None


def _blocks(W_dec_FD: Tensor, unembedding: Unembedding, n_tokens: int) -> Iterator[tuple[int, Tensor]]:
    """Effects of some features at a time on every token, with the first feature's number."""
    device, width = unembedding.W_VD.device, unembedding.W_VD.shape[0]
    rows = max(1, TILE.get(device.type, TILE["cpu"]) // width)
    for first in range(0, len(W_dec_FD), rows):
        with torch.no_grad():
            directions_BD = torch.nn.functional.normalize(W_dec_FD[first : first + rows].to(device).float(), dim=1)
            yield first, unembedding.effects(directions_BD)[:, :n_tokens].float()


def _effect_rows(
    features_B: np.ndarray, direction: str, logits_BN: Tensor, tokens_BN: Tensor, words: pa.Array
) -> pa.Table:
    rows, n = logits_BN.shape
    tokens = pa.array(tokens_BN.flatten().cpu().numpy(), pa.int64())
    return pa.Table.from_arrays(
        [
            pa.array(np.repeat(features_B, n)),
            pa.array([direction]).take(pa.array(np.zeros(rows * n, np.int32), pa.int32())),
            pa.array(np.tile(np.arange(n, dtype=np.int32), rows)),
            tokens,
            words.take(tokens),
            pa.array(logits_BN.flatten().double().cpu().numpy()),
        ],
        schema=LOGIT_EFFECT,
    )


def _shape_rows(features_B: np.ndarray, effects_BV: Tensor) -> pa.Table:
    skew_B, kurtosis_B = (moment.cpu().numpy() for moment in skew_and_kurtosis(effects_BV))
    columns = [pa.array(features_B), pa.array(skew_B, from_pandas=True), pa.array(kurtosis_B, from_pandas=True)]
    return pa.Table.from_arrays(columns, schema=LOGIT_SHAPE)


def skew_and_kurtosis(values_BV: Tensor) -> tuple[Tensor, Tensor]:
    """Skewness and kurtosis of each row, as of a population, in float64; NaN for a row without variance."""
    centred_BV = values_BV.double()
    centred_BV = centred_BV - centred_BV.mean(dim=1, keepdim=True)
    squares_BV = centred_BV.square()
    variance_B = squares_BV.mean(dim=1)
    skew_B = (squares_BV * centred_BV).mean(dim=1) / variance_B**1.5
    return skew_B, squares_BV.square().mean(dim=1) / variance_B**2
