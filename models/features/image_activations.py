"""How strongly each feature fires in each image: what the images' positions say, one number an image, silence left out.

M pairs of a feature and an image in which it fires.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from models.features.firings import Firings


@dataclass(frozen=True, eq=False, slots=True)
class ImageActivations:
    """The strongest activation of each feature in each image where it fires, by feature and then by image.

    The strongest, not the mean over positions: a thing that fills one patch counts as one that fills the image, and it
    is the place that examples are shown by.
    """

    feature_M: np.ndarray
    image_M: np.ndarray
    """Places among the images that were asked for."""
    act_M: np.ndarray
    n_features: int
    n_images: int

    @classmethod
    def of(cls, codes: Iterable[Firings], image_ids: np.ndarray, n_features: int) -> "ImageActivations":
        """Of some images, by their ascending numbers."""
        parts = [part for fired in codes if len((part := _strongest(fired, image_ids))[0])]
        if not parts:
            none = np.empty(0, np.int32)
            return cls(none, none, np.empty(0, np.float32), n_features, len(image_ids))
        feature_M, image_M, act_M = (np.concatenate(column) for column in zip(*parts, strict=True))
        order_M = np.argsort(feature_M, kind="stable")  # images ascend from part to part
        return cls(feature_M[order_M], image_M[order_M], act_M[order_M], n_features, len(image_ids))

    def by_feature(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Of every feature in turn the images in which it fires, and how strongly."""
        edges_F1 = np.searchsorted(self.feature_M, np.arange(self.n_features + 1))
        for begin, end in pairwise(edges_F1.tolist()):
            yield self.image_M[begin:end], self.act_M[begin:end]


def _strongest(fired: Firings, image_ids: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Feature, place of the image and strongest activation, of the firings of consecutive images."""
    place_M = np.minimum(np.searchsorted(image_ids, fired.contexts_M), len(image_ids) - 1)
    asked_M = image_ids[place_M] == fired.contexts_M
    feature_M, place_M, act_M = (of_M[asked_M] for of_M in (fired.features_M, place_M.astype(np.int32), fired.acts_M))
    is_first_M = np.ones(len(feature_M), bool)
    is_first_M[1:] = (feature_M[1:] != feature_M[:-1]) | (place_M[1:] != place_M[:-1])
    first = np.flatnonzero(is_first_M)
    peak = np.maximum.reduceat(act_M, first) if len(first) else act_M
    return feature_M[first], place_M[first], peak
