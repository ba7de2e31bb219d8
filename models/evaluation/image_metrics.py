"""Every metric of one dictionary of a vision model on held-out images: the rows of `sae_metric`.

Axes: B images of a batch, P positions, T positions that are read, D width, C classes.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pyarrow as pa
import torch
from torch import Tensor

from models.activations.image_host import ImageHost
from models.activations.site_reading import PaddedBatch, padded_batches
from models.corpora.context_sample import held_out
from models.corpora.contexts import Context
from models.corpora.token_filter import within
from models.evaluation.document_sums import DocumentSums
from models.evaluation.reconstruction import (
    DictionaryProtocol,
    batch_tokens,
    calibration_rows,
    evaluate_reconstruction,
    metric_rows,
)
from models.features.config import StatisticsSettings
from models.language_model.sites import Site


def evaluate_on_images(
    host: ImageHost,
    sae: DictionaryProtocol,
    facts: Mapping[str, Any],
    settings: StatisticsSettings,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> pa.Table:
    """L0, FVU and dead fraction as for text and, where the model classifies, what splicing the reconstruction does to
    its classes. Probes of tokens and cross-entropies of next tokens have no counterpart in images.

    Args:
        host: The model and its images.
        sae: The dictionary.
        facts: Of its manifest.
        settings: How much is measured.
        report: Called after each batch.

    Returns:
        Grain: a metric; columns of `sae_metric`.
    """
    site, written, limit = Site.parse(facts["site"]), Site.parse(facts["written"]), facts["norm_limit"]
    sample, which = held_out(host.corpus, settings.evaluation_tokens), host.corpus.token_filter
    rows = [
        evaluate_reconstruction(host, site, sae, sample, which, written=written, norm_limit=limit, report=report),
        calibration_rows(facts["calibration"]),
    ]
    if host.model.class_names is not None:
        rows.append(_class_rows(host, site, written, sae, sample, limit))
    return pa.concat_tables(rows)


@torch.no_grad()
def _class_rows(
    host: ImageHost, site: Site, written: Site, sae: DictionaryProtocol, sample: Sequence[Context], limit: float | None
) -> pa.Table:
    """How far the classes move: the divergence from what the model says itself, and how often its first class stays."""
    batches = list(padded_batches(sample, host.corpus.token_filter, batch_tokens(host)))
    sums, total_E, n_rows = DocumentSums.over(sample), torch.zeros(host.width(written), dtype=torch.float64), 0
    clean, chosen = list[Tensor](), list[Tensor]()
    for batch in batches:
        with host.capture([site, written], stop_early=False) as found:
            logits = host.forward_contexts(batch.context_ids_B.tolist())
        assert logits is not None
        clean.append(logits.float().log_softmax(dim=1))
        chosen_BP = _measured(batch, found[site], limit)
        chosen.append(chosen_BP)
        y_TE = found[written][chosen_BP]
        total_E, n_rows = total_E + y_TE.sum(dim=0, dtype=torch.float64).cpu(), n_rows + len(y_TE)
        x_TD = found[site][chosen_BP].to(sae.W_dec.device)
        spliced = _spliced(host, written, batch, chosen_BP, sae.guess(x_TD, sae.encode(x_TD)))
        _add(sums, batch, "", clean[-1], spliced)
        _add_one(sums, batch, "rows", torch.ones(len(logits)))
    mean_E = (total_E / max(n_rows, 1)).float()
    for batch, clean_BC, chosen_BP in zip(batches, clean, chosen, strict=True):
        _add(sums, batch, "_mean_ablated", clean_BC, _spliced(host, written, batch, chosen_BP, mean_E))
    names = {f"class_{kind}{end}" for kind in ("kl", "agreement") for end in ("", "_mean_ablated")}
    metrics = {name: sums.ratio(name, "rows") for name in sorted(names)}
    metrics["class_kl_recovered"] = sums.ratio("class_kl_mean_ablated", "class_kl_mean_ablated", less="class_kl")
    return metric_rows("held_out", {name: metric for name, metric in metrics.items() if metric is not None})


def _measured(batch: PaddedBatch, x_BPD: Tensor, limit: float | None) -> Tensor:
    """The positions that are read and whose activation is within the limit. Shape (B, P)."""
    read_BP = batch.read_BP.to(x_BPD.device)
    return read_BP & within(x_BPD.flatten(0, 1), limit).view(read_BP.shape)


def _spliced(host: ImageHost, site: Site, batch: PaddedBatch, chosen_BP: Tensor, value: Tensor) -> Tensor:
    """Log probabilities of the classes with a value in the place of the chosen positions. Shape (B, C)."""

    def replaced(x_BPD: Tensor) -> Tensor:
        x_BPD[chosen_BP] = value.to(x_BPD)
        return x_BPD

    with host.intervene({site: replaced}):
        logits = host.forward_contexts(batch.context_ids_B.tolist())
    assert logits is not None
    return logits.float().log_softmax(dim=1)


def _add(sums: DocumentSums, batch: PaddedBatch, end: str, clean_BC: Tensor, other_BC: Tensor) -> None:
    divergence_B = (clean_BC.exp() * (clean_BC - other_BC)).sum(dim=1, dtype=torch.float64)
    _add_one(sums, batch, f"class_kl{end}", divergence_B)
    _add_one(sums, batch, f"class_agreement{end}", (clean_BC.argmax(dim=1) == other_BC.argmax(dim=1)).double())


def _add_one(sums: DocumentSums, batch: PaddedBatch, name: str, value_B: Tensor) -> None:
    """One value an image."""
    first_BP = torch.zeros_like(batch.read_BP)
    first_BP[:, 0] = True
    sums.add(name, batch, first_BP, value_B)
