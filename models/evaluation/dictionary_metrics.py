"""Every metric of one dictionary on held-out documents: the rows of `sae_metric`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

import pyarrow as pa

from models.corpora.context_sample import held_out
from models.corpora.contexts import TokenizedCorpus
from models.evaluation.feature_quality import AutoencoderProtocol, evaluate_feature_quality, probe_contexts
from models.evaluation.reconstruction import calibration_rows, evaluate_reconstruction
from models.features.config import StatisticsSettings
from models.language_model.hooked_model import HookedModel
from models.language_model.sites import Site
from models.language_model.token_strings import TokenStrings


@dataclass(frozen=True, slots=True)
class EvaluationInput:
    """A dictionary, the model that it reads, and the corpus that it was trained on."""

    model: HookedModel
    sae: AutoencoderProtocol
    contexts: TokenizedCorpus
    site: Site
    written: Site
    """Where its reconstruction belongs; a transcoder's is another site."""
    norm_limit: float | None
    calibration: dict[str, Any] | None

    @classmethod
    def of(
        cls, model: HookedModel, sae: AutoencoderProtocol, contexts: TokenizedCorpus, facts: Mapping[str, Any]
    ) -> Self:
        """Args:
        facts: Of the dictionary's manifest.
        """
        site, written = Site.parse(facts["site"]), Site.parse(facts["written"])
        return cls(model, sae, contexts, site, written, facts["norm_limit"], facts["calibration"])


def evaluate_dictionary(
    given: EvaluationInput, settings: StatisticsSettings, report: Callable[[int, int], None] = lambda done, total: None
) -> pa.Table:
    """Reconstruction, calibration and, where the settings allow tokens for probes, the quality of its features.

    Returns:
        Grain: a metric; columns as in `reconstruction.SCHEMA`.
    """
    contexts, which = given.contexts, given.contexts.token_filter
    of_all, limit = (given.model, given.site, given.sae), given.norm_limit
    sample = held_out(contexts, settings.evaluation_tokens)
    spliced = evaluate_reconstruction(*of_all, sample, which, written=given.written, norm_limit=limit, report=report)
    rows = [spliced, calibration_rows(given.calibration)]
    if settings.probe_tokens:
        seen_and_unseen = probe_contexts(contexts, settings.probe_tokens)
        strings = TokenStrings.of(given.model.tokenizer)
        rows.append(evaluate_feature_quality(*of_all, *seen_and_unseen, which, strings, norm_limit=limit))
    return pa.concat_tables(rows)
