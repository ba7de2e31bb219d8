"""The pairs of a feature circuit, decomposed into nodes: features of dictionaries and what each leaves out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from models.attribution.answer_metric import AnswerMetric
from models.attribution.feature_attribution import (
    ERROR,
    DecomposedSite,
    Metric,
    mean_gradient,
    node_effects,
    site_values,
)
from models.experiments.method import ExperimentInput
from models.experiments.prompt_encoding import EncodedPrompt
from models.experiments.settings.feature_circuit import FeatureCircuitSettings
from models.language_model.sites import Site

Given = ExperimentInput[FeatureCircuitSettings]
Node = tuple[int, int]
"""Place of its dictionary in the card, and number of the feature, or ERROR."""


@dataclass(frozen=True)
class ContrastPair:
    """One contrast pair: values of both prompts at every site, the metric of both, and each node's effect."""

    prompt: EncodedPrompt
    metric: Metric
    clean: Sequence[DecomposedSite]
    corrupt: Sequence[DecomposedSite]
    clean_metric: float
    corrupt_metric: float
    gradients: Sequence[torch.Tensor]
    effects: Sequence[np.ndarray]
    """For each dictionary the effects of its features, and last that of its error."""


def measured_pair(given: Given, prompt: EncodedPrompt) -> ContrastPair:
    """Both prompts at every site, and what each node does by its gradient."""
    assert prompt.answer_id is not None
    assert prompt.foil_id is not None
    assert prompt.corrupt_ids is not None
    metric, settings, sites = (
        AnswerMetric("logit_difference", prompt.answer_id, prompt.foil_id),
        given.settings,
        circuit_sites(given),
    )
    (x_clean, m_clean), (x_corrupt, m_corrupt) = (
        site_values(given.host, sites, ids, metric) for ids in (prompt.token_ids, prompt.corrupt_ids)
    )
    n_steps = settings.steps if settings.method == "integrated_gradients" else 0
    gradients, clean, corrupt, effects = [], [], [], []
    for dictionary, site in zip(given.dictionaries, sites, strict=True):
        values = x_clean[site], x_corrupt[site]
        gradients.append(
            given.kept.result(
                f"gradient {prompt.prompt_id} {site}",
                lambda site=site, values=values: mean_gradient(
                    given.host, site, prompt.token_ids, *values, metric, n_steps
                ),
            )
        )
        for x, decomposed in zip(values, (clean, corrupt), strict=True):
            decomposed.append(DecomposedSite.of(dictionary.sae, x, prompt.n_special))
        features_F, error = node_effects(clean[-1], corrupt[-1], gradients[-1])
        effects.append(np.append(features_F.cpu().numpy(), error))
    return ContrastPair(prompt, metric, clean, corrupt, m_clean, m_corrupt, gradients, effects)


def circuit_sites(given: Given) -> list[Site]:
    """Where the dictionaries read."""
    return [dictionary.site for dictionary in given.dictionaries]


def named_node(given: Given, node: Node, prefix: str = "") -> dict[str, Any]:
    """Columns that name a node."""
    place, number = node
    kind = "error" if number == ERROR else "feature"
    values = {"recipe_id": given.dictionaries[place].recipe_id, "kind": kind}
    return {f"{prefix}{key}": value for key, value in values.items()} | {
        f"{prefix}feature_id": None if number == ERROR else number
    }
