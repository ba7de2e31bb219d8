"""A model and another one read with the same dictionary, context by context."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from models.comparison.feature_drift import feature_drift
from models.comparison.representation_similarity import linear_cka
from models.experiments.method import ExperimentInput, ExperimentMethod, PassCount, Rows
from models.experiments.paired_firings import PairedFirings, check_paired, paired_firings
from models.experiments.prompt_encoding import EncodedPrompt
from models.experiments.settings.model_diff import ModelDiffSettings

Given = ExperimentInput[ModelDiffSettings]


def _measure(given: Given, prompts: Sequence[EncodedPrompt]) -> Rows:
    """All texts belong together: a drift is over contexts."""
    read = paired_firings(given)
    return {
        "feature_drift": list(_feature_rows(given, read.own_CF, read.other_CF, read.tokens_C)),
        "representation_similarity": list(_similarity_rows(given, read)),
    }


def _feature_rows(
    given: Given, own_CF: csr_array, other_CF: csr_array, tokens_C: np.ndarray
) -> Iterator[dict[str, Any]]:
    found = feature_drift(own_CF, other_CF, tokens_C)
    drifted_F, other_id = found.drifted_F, given.compared.model_id
    for feature in np.flatnonzero((found.rate_F > 0) | (found.other_rate_F > 0)).tolist():
        q = float(found.q_F[feature])
        yield {
            "recipe_id": given.features.recipe_id,
            "feature_id": feature,
            "other_model_id": other_id,
            "rate": float(found.rate_F[feature]),
            "other_rate": float(found.other_rate_F[feature]),
            "log2_ratio": float(found.log2_ratio_F[feature]),
            "difference": float(found.difference_F[feature]),
            "standard_error": float(found.standard_error_F[feature]),
            "q": None if np.isnan(q) else q,
            "is_drifted": bool(drifted_F[feature]),
            "n_contexts": len(tokens_C),
        }


def _similarity_rows(given: Given, read: PairedFirings) -> Iterator[dict[str, Any]]:
    """FVU of the other model beside the first's, and CKA beside shuffled places."""
    x_SD, y_SD = read.x_SD, read.y_SD
    shared = {"recipe_id": given.features.recipe_id, "other_model_id": given.compared.model_id, "n_places": len(x_SD)}
    yield shared | {"measure": "fvu", "value": read.other_fvu, "baseline": read.fvu}
    order = np.random.default_rng(given.seed).permutation(len(x_SD))
    yield shared | {"measure": "cka", "value": linear_cka(x_SD, y_SD), "baseline": linear_cka(x_SD, y_SD[order])}


def _passes(given: Given) -> PassCount:
    """Every text is read once by either model."""
    return PassCount(forward=2 * len(given.prompts))


METHOD = ExperimentMethod(settings=ModelDiffSettings, measure=_measure, passes=_passes, check=check_paired)
