"""How a site's variance is spread over positions, tokens and rows: where a few of them hold most of it, every number
about a dictionary of that site is about them.

Axes: T tokens, D width, B position buckets, V vocabulary, H bins of a logarithmic histogram.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from models.activations.position_buckets import PositionBuckets
from models.activations.shards import ActivationBatch
from storage.table_schemas import rows_as_table

FINE = 16
"""Bins of the histograms per doubling: quantiles are exact to 4.4 %."""
BINS = 256 * FINE
"""They reach from 2**-128 to 2**128."""
QUANTILES = (0.0, 0.25, 0.5, 0.75, 0.99, 1.0)
SOME_TOKENS = 20
"""Tokens that a manifest lists, those first that hold most of the variance."""


@dataclass(frozen=True, slots=True)
class ActivationProfile:
    """Rows of a site counted by position and by token, with the norms and squared distances from a centre that they add
    up to. A value with a zero and a plus.

    The centre is a mean over a sample. From it the squared distances add up to the variance and the sample's error
    besides, which is the variance over the size of the sample.
    """

    buckets: PositionBuckets
    n_B: np.ndarray
    outliers_B: np.ndarray
    """Rows that were left out for their norm; nothing else here counts them."""
    norm_B: np.ndarray
    squares_B: np.ndarray
    n_V: np.ndarray
    squares_V: np.ndarray
    norms_H: np.ndarray
    rows_H: np.ndarray
    """Rows by their squared distance."""
    squares_H: np.ndarray
    """The squared distances of those rows."""
    n_non_finite: int = 0

    @classmethod
    def zero(cls, buckets: PositionBuckets, vocab_size: int) -> Self:
        by_bucket = (np.zeros(buckets.n) for _ in range(4))
        by_token, by_length = (np.zeros(vocab_size) for _ in range(2)), (np.zeros(BINS) for _ in range(3))
        return cls(buckets, *by_bucket, *by_token, *by_length, n_non_finite=0)

    def of(self, batch: ActivationBatch, centre_D: Tensor, outlier_position_N: Tensor) -> Self:
        """The profile of some rows alone, in the buckets and vocabulary of this one, and the positions of those that
        were left out for their norm."""
        parts = [_lengths(x_TD, centre_D) for x_TD in batch.x_TD.split(8192)] or [(np.zeros(0), np.zeros(0))]
        norm_T, square_T = (np.concatenate(column) for column in zip(*parts, strict=True))
        is_finite_T = np.isfinite(norm_T) & np.isfinite(square_T)
        norm_T, square_T = np.where(is_finite_T, norm_T, 0.0), np.where(is_finite_T, square_T, 0.0)
        bucket_T, token_T = self.buckets.at(batch.position_T.numpy()), batch.token_T.numpy()
        bin_T, n_B, n_V = _bins(square_T), self.buckets.n, len(self.n_V)
        return type(self)(
            self.buckets,
            np.bincount(bucket_T, minlength=n_B).astype(float),
            np.bincount(self.buckets.at(outlier_position_N.numpy()), minlength=n_B).astype(float),
            np.bincount(bucket_T, norm_T, n_B),
            np.bincount(bucket_T, square_T, n_B),
            np.bincount(token_T, minlength=n_V).astype(float),
            np.bincount(token_T, square_T, n_V),
            np.bincount(_bins(norm_T), minlength=BINS).astype(float),
            np.bincount(bin_T, minlength=BINS).astype(float),
            np.bincount(bin_T, square_T, BINS),
            int((~is_finite_T).sum()),
        )

    def __add__(self, other: Self) -> Self:
        assert self.buckets == other.buckets
        names = (
            "n_B",
            "outliers_B",
            "norm_B",
            "squares_B",
            "n_V",
            "squares_V",
            "norms_H",
            "rows_H",
            "squares_H",
            "n_non_finite",
        )
        return type(self)(self.buckets, *(getattr(self, name) + getattr(other, name) for name in names))

    @property
    def n(self) -> int:
        return int(self.n_B.sum())

    @property
    def variance(self) -> float:
        """Mean squared distance from the centre."""
        return float(self.squares_B.sum()) / max(self.n, 1)

    @property
    def share_B(self) -> np.ndarray:
        """Share of the variance that each position bucket holds."""
        return self.squares_B / max(float(self.squares_B.sum()), 1e-300)

    def largest_rows_share(self, part: float = 0.01) -> float:
        """Share of the variance that the rows farthest from the mean hold, as many as this part of all."""
        return largest_share(self.rows_H[::-1], self.squares_H[::-1], part)

    def norm_quantiles(self) -> dict[str, float]:
        """Quantiles of the rows' norms, each the lower edge of its bin."""
        ends_H = np.cumsum(self.norms_H)
        places = [int(np.searchsorted(ends_H, max(q * ends_H[-1], 0.5))) for q in QUANTILES]
        return {f"{q:g}": _lower_edge(place) for q, place in zip(QUANTILES, places, strict=True)}

    def facts(self) -> dict[str, Any]:
        """What a manifest keeps, as plain values."""
        first_B, last_B = self.buckets.edges()
        some_V = np.argsort(-self.squares_V, kind="stable")[:SOME_TOKENS]
        some_V = some_V[self.n_V[some_V] > 0]
        total = max(float(self.squares_V.sum()), 1e-300)
        return {
            "n_tokens": self.n,
            "n_non_finite": self.n_non_finite,
            "n_outliers": int(self.outliers_B.sum()),
            "variance": self.variance,
            "largest_rows_share": self.largest_rows_share(),
            "norm_quantiles": self.norm_quantiles(),
            "positions": [
                {
                    "position_first": int(first),
                    "position_last": int(last),
                    "n_tokens": int(n),
                    "n_outliers": int(outliers),
                    "mean_norm": float(norm / n) if n else None,
                    "variance_share": float(share),
                }
                for first, last, n, outliers, norm, share in zip(
                    first_B, last_B, self.n_B, self.outliers_B, self.norm_B, self.share_B, strict=True
                )
                if n + outliers
            ],
            "tokens": [
                {
                    "token_id": int(token),
                    "n_tokens": int(self.n_V[token]),
                    "variance_share": float(self.squares_V[token] / total),
                }
                for token in some_V
            ],
        }


def _lengths(x_TD: Tensor, centre_D: Tensor) -> tuple[np.ndarray, np.ndarray]:
    norm_T = torch.linalg.vector_norm(x_TD, dim=1, dtype=torch.float32)
    distance_T = torch.linalg.vector_norm(x_TD - centre_D, dim=1)
    return norm_T.double().numpy(), distance_T.double().square().numpy()


def _bins(value_T: np.ndarray) -> np.ndarray:
    """The bin of each value by its logarithm; 0 is in the first."""
    with np.errstate(divide="ignore"):
        logs_T = np.log2(value_T, where=value_T > 0, out=np.full(value_T.shape, -np.inf))
    return np.clip(np.floor((np.clip(logs_T, -128, 127.999) + 128) * FINE), 0, BINS - 1).astype(np.int64)


def _lower_edge(place: int) -> float:
    return 0.0 if place == 0 else 2.0 ** (place / FINE - 128)


def largest_share(n_H: np.ndarray, squares_H: np.ndarray, part: float = 0.01) -> float:
    """Share of a sum that its largest terms hold, as many as a part of all. They come in groups, largest first; the
    last group counts in proportion.

    Args:
        n_H: Terms of each group.
        squares_H: What they add up to.
        part: Of all terms.
    """
    before_H, wanted = np.concatenate([[0.0], np.cumsum(n_H)[:-1]]), part * n_H.sum()
    taken_H = np.clip(wanted - before_H, 0, n_H) / np.maximum(n_H, 1e-300)
    return float((taken_H * squares_H).sum() / max(squares_H.sum(), 1e-300))


def profile_rows(profile: Mapping[str, Any]) -> pa.Table:
    """Grain: a position bucket; the columns of the table `activation_profile` but its partition's keys."""
    columns: Sequence[Mapping[str, Any]] = profile["positions"]
    return rows_as_table("activation_profile", columns)
