"""Decoder and encoder vectors of features, asked of whoever holds the weights.

The pages know no store. Whoever starts them hands in a reader, or none; a reader refuses with a ValueError whose
sentence is answered.
"""

from collections.abc import Sequence
from typing import Protocol


class FeatureVectors(Protocol):
    """Weights of a feature as the dictionary's file has them."""

    @property
    def decoder(self) -> Sequence[float]:
        """Its row of `W_dec`."""
        ...

    @property
    def encoder(self) -> Sequence[float]:
        """Its column of `W_enc`."""
        ...


class VectorReader(Protocol):
    """Reads weights."""

    def read(self, sae_id: str, feature_id: int) -> FeatureVectors:
        """Vectors of a feature.

        Raises:
            ValueError: If the weights are not at hand: the sentence says why.
        """
        ...
