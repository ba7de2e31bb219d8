"""The typical activation of a site, from a sample of its corpus: what an outlier is measured by.

Axes: T tokens, D width.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from models.activations.site_reading import HookedModelProtocol, capture_sites
from models.corpora.context_sample import context_sample
from models.corpora.contexts import TokenizedCorpus
from models.language_model.sites import Site

SAMPLE_TOKENS = 4_096
OUTLIER_RATIO = 10.0
"""Norm over median norm beyond which an activation is an outlier anywhere: the multiple that dictionary_learning takes
(`max_activation_norm_multiple`)."""
TAIL, BEYOND = 0.99, 3.0
"""`auto` takes for outliers what is longer than so many times this quantile of the norms, and at most `OUTLIER_RATIO`
medians. On SmolLM2-135M the quantile is 1.3 medians, and of 60,000 activations the 10 between 7 and 9 medians were the
strongest example of 13 % of the features, and of 58 % of the 200 strongest features."""


MaxNorm = Literal["auto"] | float | None


@dataclass(frozen=True, slots=True)
class NormReference:
    """Median norm of a site's activations, and their mean without those beyond the limit."""

    median: float
    centre_D: Tensor
    norm_limit: float | None
    """Rows of a greater norm are left out; None leaves out none."""


def norm_references(
    host: HookedModelProtocol, contexts: TokenizedCorpus, sites: Sequence[Site], max_norm: MaxNorm
) -> dict[Site, NormReference]:
    """The reference of each site.

    Args:
        host: The model.
        contexts: The corpus.
        sites: Where it is read.
        max_norm: The limit as a multiple of the median norm; None for no limit, or `auto`.
    """
    activations = capture_sites(
        host, context_sample(contexts, SAMPLE_TOKENS), contexts.token_filter, sites, torch.float32
    )
    return {site: _reference(sample.batch.x_TD, max_norm) for site, sample in activations.items()}


def _reference(x_TD: Tensor, max_norm: MaxNorm) -> NormReference:
    norm_T = x_TD.norm(dim=1)
    median = float(norm_T.median())
    limit = None if max_norm is None else median * (_auto(norm_T) if max_norm == "auto" else max_norm)
    inside_TD = x_TD if limit is None else x_TD[norm_T <= limit]
    return NormReference(median, inside_TD.mean(dim=0, dtype=torch.float64).float(), limit)


def _auto(norm_T: Tensor) -> float:
    """The multiple of the median that is chosen by the norms themselves."""
    tail = float(norm_T.quantile(TAIL))
    return min(OUTLIER_RATIO, BEYOND * tail / max(float(norm_T.median()), 1e-30))
