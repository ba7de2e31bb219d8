"""A dictionary as experiments use it: where it reads and writes, and how strong each of its features gets."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from models.language_model.sites import Site

if TYPE_CHECKING:
    from models.dictionaries.base import SparseDictionary


LIKE_DENSITY = 16
"""Features nearest in density among which a random one is drawn."""


class InvalidFeature(ValueError):
    """A feature that is named does not exist, or cannot do what is asked. The message names one that can."""


@dataclass(frozen=True, slots=True)
class FeatureDictionary:
    """A dictionary of one model with the statistics that its features were given on the corpus.

    F features.
    """

    recipe_id: str
    sae: "SparseDictionary"
    site: Site
    """Where it reads, its block a number."""
    written: Site
    """Where it writes: the same, but of a transcoder."""
    max_activation_F: np.ndarray
    """Strongest activation on the corpus; 0 where a feature never fired."""
    density_F: np.ndarray
    """Share of the corpus's tokens on which a feature fires."""

    @property
    def n_features(self) -> int:
        return len(self.max_activation_F)

    def of_like_density(self, feature: int, besides: Sequence[int]) -> np.ndarray:
        """Live features whose density is nearest to a feature's, the nearest first, without those named."""
        live = np.setdiff1d(np.flatnonzero((self.max_activation_F > 0) & (self.density_F > 0)), besides)
        distance = np.abs(np.log(self.density_F[live]) - np.log(self.density_F[feature]))
        return live[np.argsort(distance, kind="stable")[:LIKE_DENSITY]]

    def require_autoencoder(self) -> None:
        """Refuses a dictionary that writes another site than it reads, where the value of one site is edited.

        Raises:
            ValueError: Naming both.
        """
        if self.sae.crosses:
            raise ValueError(
                f"{self.recipe_id} is a transcoder: it reads {self.site} and writes {self.written}, and what is edited "
                "or compared here is one site; name the recipe of an autoencoder"
            )

    def check(self, features: Sequence[int], *, alive: bool = True) -> None:
        """Refuses features that the dictionary does not have and, if `alive`, those that never fired.

        Raises:
            InvalidFeature: Naming the first of them.
        """
        for feature in features:
            if not 0 <= feature < self.n_features:
                raise InvalidFeature(
                    f"{self.recipe_id} has {self.n_features:,} features, numbered from 0 to {self.n_features - 1:,}: "
                    f"there is no feature {feature}"
                )
            if alive and not self.max_activation_F[feature] > 0:
                strongest = int(np.argmax(self.max_activation_F))
                raise InvalidFeature(
                    f"feature {feature} of {self.recipe_id} never fired on the corpus, so that it has no strength to "
                    f"be measured by: name one that fires, such as {strongest}"
                )
