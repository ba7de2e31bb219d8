"""Quality of a dictionary's features: rows for `sae_metric` beside those of `evaluate_reconstruction`.

Axes: T tokens, D width.
"""

import math
from collections.abc import Sequence
from typing import Protocol

import pyarrow as pa
import torch
from torch import Tensor

from models.activations.site_reading import BATCH_TOKENS, HookedModelProtocol, capture_sites
from models.corpora.context_sample import held_out, trained_on
from models.corpora.contexts import Context, TokenizedCorpus
from models.corpora.token_filter import TokenFilter
from models.evaluation.letter_absorption import AbsorptionCounts, letter_absorption
from models.evaluation.reconstruction import DictionaryProtocol
from models.evaluation.shrinkage import shrinkage
from models.evaluation.sparse_probing import sparse_probing
from models.language_model.sites import Site
from models.language_model.token_strings import TokenStrings
from models.probes.codes_by_feature import CodesByFeature
from models.probes.token_targets import first_letters, token_targets
from models.sparse.codes import SparseCodes
from storage.table_schemas import rows_as_table

UNITS = {
    "shrinkage_gamma": "ratio",
    "norm_ratio": "ratio",
    "sparse_probing_k1": "area under the ROC curve",
    "sparse_probing_k5": "area under the ROC curve",
    "sparse_probing_k20": "area under the ROC curve",
    "sparse_probing_by_difference_k1": "area under the ROC curve",
    "sparse_probing_by_difference_k5": "area under the ROC curve",
    "sparse_probing_by_difference_k20": "area under the ROC curve",
    "sparse_probing_raw": "area under the ROC curve",
    "probing_targets": "targets",
    "first_letter_accuracy": "fraction of the words",
    "latents_per_letter": "latents per letter",
    "absorption_rate": "fraction of the words",
    "absorption_fraction": "fraction of the letter",
}


class AutoencoderProtocol(DictionaryProtocol, Protocol):
    """The part of a dictionary that these measures use."""

    crosses: bool
    """It writes another site than it reads."""

    @property
    def b_dec(self) -> Tensor: ...


def probe_contexts(contexts: TokenizedCorpus, tokens: int, seed: int = 0) -> tuple[list[Context], list[Context]]:
    """Contexts of documents that were trained on, with about three quarters of the tokens, and of held-out ones."""
    return trained_on(contexts, math.ceil(tokens * 3 / 4), seed), held_out(contexts, tokens // 4)


@torch.no_grad()
def evaluate_feature_quality(
    host: HookedModelProtocol,
    site: Site,
    sae: AutoencoderProtocol,
    trained: Sequence[Context],
    unseen: Sequence[Context],
    token_filter: TokenFilter,
    pieces: TokenStrings,
    *,
    norm_limit: float | None = None,
    split: str = "held_out",
) -> pa.Table:
    """Shrinkage, sparse probing and absorption of one dictionary.

    Args:
        host: The model that the dictionary reads.
        site: Where it reads.
        sae: The dictionary.
        trained: Contexts that probes learn from.
        unseen: Contexts of held-out documents, on which they and the reconstruction are measured.
        token_filter: Which of their tokens are read.
        pieces: Texts of the tokens.
        norm_limit: Tokens whose activation is longer are left out.
        split: Goes into the rows.

    Returns:
        Grain: a metric; `split, metric, value, unit, n_tokens`. What is undefined, or has too few tokens, has no row. A
        dictionary that writes another site than it reads has sparse probing only.
    """
    if not trained or not unseen:
        return _rows(split, {})
    batch = capture_sites(host, [*trained, *unseen], token_filter, [site], torch.float32, {site: norm_limit})[
        site
    ].batch
    unseen_ids = torch.tensor([context.context_id for context in unseen], dtype=batch.context_T.dtype)
    x_TD, is_unseen_T = batch.x_TD.to(sae.W_dec.device), torch.isin(batch.context_T, unseen_ids).to(sae.W_dec.device)
    codes = [sae.encode(some_TD) for some_TD in x_TD.split(BATCH_TOKENS)]
    latents, token_T, n = CodesByFeature.of(codes), batch.token_T.numpy(), int(is_unseen_T.sum())
    targets = token_targets(pieces.texts, token_T, batch.context_T.numpy())
    metrics = sparse_probing(x_TD, latents, targets, is_unseen_T)
    words: dict[str, tuple[float, int]] = {}
    if not sae.crosses:
        metrics |= shrinkage(x_TD[is_unseen_T], _reconstructed(sae, x_TD, codes, is_unseen_T))
        letter_T = first_letters(pieces.texts)[token_T]
        letters = letter_absorption(x_TD, latents, token_T, letter_T, sae.W_dec, sae.b_dec)
        words = AbsorptionCounts.of(letters).metrics()
    return _rows(split, {name: (value, n) for name, value in metrics.items()} | words)


def _reconstructed(sae: AutoencoderProtocol, x_TD: Tensor, codes: Sequence[SparseCodes], wanted_T: Tensor) -> Tensor:
    parts = zip(x_TD.split(BATCH_TOKENS), codes, wanted_T.split(BATCH_TOKENS), strict=True)
    return torch.cat([sae.guess(some_TD, some)[wanted] for some_TD, some, wanted in parts if wanted.any()])


def _rows(split: str, found: dict[str, tuple[float, int]]) -> pa.Table:
    rows = [
        {"split": split, "metric": name, "value": value, "unit": UNITS[name], "n_tokens": n}
        for name, (value, n) in found.items()
    ]
    return rows_as_table("sae_metric", rows)
