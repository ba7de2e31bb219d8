"""What is known of one dictionary's features, as tables: everything that labels and scores are made from."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from models.autointerp.config import ExplanationSettings
from models.autointerp.example_set import ExampleSet
from models.autointerp.explainer_inputs import NEAR_MISSES, ExplainerInputs, TopLogits
from models.autointerp.feature_selection import select_features
from models.autointerp.hard_negatives import hard_negatives
from models.autointerp.image_example_set import ImageExampleSet
from models.features.firings import Firings

N_HARD_NEGATIVES = 10
"""Windows of features that fire together with a feature, in which it is silent, that a score is made from."""


@dataclass(frozen=True)
class FeatureData:
    """Tables by their names in the warehouse; those that nothing asked for may be left out."""

    sae_id: str
    examples: pa.Table
    background: Callable[[], Mapping[str, int]] = dict
    """How often each token string stands in the corpus; the lexical explainer compares with it."""
    features: pa.Table | None = None
    effects: pa.Table | None = None
    neighbors: pa.Table | None = None
    codes: Callable[[], Iterable[Firings]] | None = None
    first_read: int = 0
    """Position of the first token of a context that may be read."""
    images: Callable[[pa.Table], ImageExampleSet] | None = None
    """Of a vision model: from rows of `example` the examples with their pictures."""
    near_copy_group: Callable[[], Mapping[str, str]] = dict
    """Of each document the name of its group of near copies: all are for scoring labels, or all for finding them."""

    @property
    def of_images(self) -> bool:
        return self.images is not None

    @cached_property
    def gallery(self) -> ExampleSet:
        if self.images is not None:
            return self.images(self.examples)
        return ExampleSet.of(self.examples, self.first_read, self.near_copy_group())

    @cached_property
    def densities(self) -> dict[int, float]:
        if self.features is None:
            return {}
        columns = (self.features[name].to_pylist() for name in ("feature_id", "density"))
        return dict(zip(*columns, strict=True))

    @cached_property
    def start_shares(self) -> dict[int, float]:
        """Of each feature the share of its firings that are at the start of a context; none where an import does not
        say."""
        if self.features is None or "start_share" not in self.features.column_names:
            return {}
        pairs = zip(*(self.features[name].to_pylist() for name in ("feature_id", "start_share")), strict=True)
        return {feature: share for feature, share in pairs if share is not None}

    def exhibits(self, settings: ExplanationSettings) -> ExplainerInputs:
        """What explainers are shown by these settings."""
        given: dict[str, Any] = {}
        if settings.explainers_send_prompts and "logits" in settings.prompt_variants and self.effects is not None:
            given["effects"] = TopLogits.by_feature(self.effects)
        if settings.explainers_send_prompts and "contrastive" in settings.prompt_variants:
            given["near_misses"] = self._near_misses(NEAR_MISSES, for_scoring=False)
        return ExplainerInputs(
            self.gallery, only_top=settings.example_selection == "top", start_shares=self.start_shares, **given
        )

    def chosen(self, settings: ExplanationSettings, requested: Sequence[int] = ()) -> list[int]:
        """The features that are labelled, in order."""
        return select_features(settings, self.gallery.strengths(), self.densities, self.neighbors, requested)

    def groups(self, settings: ExplanationSettings) -> dict[int, int]:
        """Which features share a question, by the recipe's own order: a feature that is asked for besides is alone, so
        that it changes nobody else's question, which would have to be paid for again."""
        if settings.features_per_request == 1:
            return {}
        return {feature: rank // settings.features_per_request for rank, feature in enumerate(self.chosen(settings))}

    @cached_property
    def hard(self) -> Mapping[int, np.ndarray]:
        """Hard negatives for scores; none without the codes, which alone tell that a feature is silent."""
        return self._near_misses(N_HARD_NEGATIVES, for_scoring=True)

    def _near_misses(self, n: int, *, for_scoring: bool) -> dict[int, np.ndarray]:
        if self.neighbors is None or self.codes is None:
            return {}
        return hard_negatives(self.gallery, self.neighbors, self.codes(), n, for_scoring=for_scoring)
