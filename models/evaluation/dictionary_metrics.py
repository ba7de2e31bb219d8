"""Every metric of one dictionary on held-out documents: the rows of `sae_metric`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

import pyarrow as pa

from models.corpora.context_sample import held_out
from models.corpora.contexts import TokenizedCorpus
from models.dictionaries.transcoder_set import TranscoderSet
from models.evaluation.earlier_blocks import EarlierBlocks
from models.evaluation.feature_quality import AutoencoderProtocol, evaluate_feature_quality, probe_contexts
from models.evaluation.reconstruction import calibration_rows, evaluate_reconstruction
from models.evaluation.set_replacement import evaluate_replacement
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
    transcoders: TranscoderSet | None = None
    """The set that a transcoder belongs to."""

    @classmethod
    def of(
        cls,
        model: HookedModel,
        sae: AutoencoderProtocol,
        contexts: TokenizedCorpus,
        facts: Mapping[str, Any],
        transcoders: TranscoderSet | None = None,
    ) -> Self:
        """Args:
        facts: Of the dictionary's manifest.
        """
        site, written = Site.parse(facts["site"]), Site.parse(facts["written"])
        return cls(model, sae, contexts, site, written, facts["norm_limit"], facts["calibration"], transcoders)

    @property
    def earlier(self) -> EarlierBlocks | None:
        if self.transcoders is None or self.written.layer is None:
            return None
        return EarlierBlocks.of(self.transcoders, self.written.layer, self.site.kind)


def evaluate_dictionary(
    given: EvaluationInput, settings: StatisticsSettings, report: Callable[[int, int], None] = lambda done, total: None
) -> pa.Table:
    """Reconstruction, calibration and, where the settings allow tokens for probes, the quality of its features. With
    the first block of a set of transcoders stands what it costs to replace all blocks at once.

    Returns:
        Grain: a metric; columns as in `reconstruction.SCHEMA`.
    """
    contexts, which = given.contexts, given.contexts.token_filter
    of_all, limit = (given.model, given.site, given.sae), given.norm_limit
    sample = held_out(contexts, settings.evaluation_tokens)
    places = {"written": given.written, "earlier": given.earlier, "norm_limit": limit}
    spliced = evaluate_reconstruction(*of_all, sample, which, **places, report=report)
    rows = [spliced, calibration_rows(given.calibration)]
    if given.transcoders is not None and given.site.layer == given.transcoders.layers[0]:
        kinds = given.site.kind, given.written.kind
        rows.append(evaluate_replacement(given.model, given.transcoders, *kinds, sample, which))
    if settings.probe_tokens:
        seen_and_unseen = probe_contexts(contexts, settings.probe_tokens)
        strings = TokenStrings.of(given.model.tokenizer)
        rows.append(evaluate_feature_quality(*of_all, *seen_and_unseen, which, strings, norm_limit=limit))
    return pa.concat_tables(rows)
