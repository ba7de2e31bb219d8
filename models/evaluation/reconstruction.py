"""How well a dictionary stands in for what it reads, on documents that it was not trained on.

The real model runs three times: as it is, with the site replaced by the dictionary's reconstruction, and with the site
replaced by its mean.

Axes: T tokens that are read, D width, F features, N predicted tokens, V vocabulary, C documents.
"""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from models.activations.activation_profile import largest_share
from models.activations.site_reading import PaddedBatch, padded_batches
from models.corpora.contexts import Context
from models.corpora.token_filter import TokenFilter, within
from models.evaluation.document_sums import DocumentSums, Metric
from models.evaluation.earlier_blocks import EarlierBlocks
from models.interventions.splice import EditableModelProtocol, clean_run, logits_with_replacement, targets
from models.language_model.sites import Site
from models.sparse.codes import SparseCodes
from storage.table_schemas import rows_as_table

BATCH_TOKENS = 4096
LOGITS = {"cpu": 2**25, "cuda": 2**29}
"""Logits that a batch may have, unless one context alone has more."""

UNITS = {
    "l0": "features per token",
    "fvu": "fraction of the variance",
    "largest_rows_share": "fraction of the variance",
    "dead_fraction": "fraction of the features",
    "ce_clean": "nats per token",
    "ce_with_sae": "nats per token",
    "ce_mean_ablated": "nats per token",
    "ce_recovered": "fraction of what mean ablation costs",
    "kl": "nats per token",
    "ce_with_set": "nats per token",
    "ce_set_mean_ablated": "nats per token",
    "ce_recovered_by_set": "fraction of what mean ablation costs",
    "kl_with_set": "nats per token",
    "class_kl": "nats per image",
    "class_kl_mean_ablated": "nats per image",
    "class_kl_recovered": "fraction of what mean ablation costs",
    "class_agreement": "fraction of the images",
    "class_agreement_mean_ablated": "fraction of the images",
    "l0_trained": "features per token",
    "l0_exported": "features per token",
    "fvu_trained": "fraction of the variance",
    "fvu_exported": "fraction of the variance",
}


class DictionaryProtocol(Protocol):
    """The part of a dictionary that an evaluation uses."""

    n_features: int

    def encode(self, x_TD: Tensor) -> SparseCodes: ...
    def guess(self, x_TD: Tensor, codes: SparseCodes) -> Tensor: ...
    @property
    def W_dec(self) -> Tensor: ...


def batch_tokens(host: EditableModelProtocol) -> int:
    """Tokens that run at once."""
    return min(BATCH_TOKENS, LOGITS.get(host.device.type, LOGITS["cpu"]) // host.vocab_size)


def cross_entropy(log_probabilities_NV: Tensor, targets_N: Tensor) -> Tensor:
    """Of each token, in nats."""
    targets_N = targets_N.to(log_probabilities_NV.device)
    return -log_probabilities_NV.gather(1, targets_N[:, None]).double().squeeze(1)


def evaluate_reconstruction(
    host: EditableModelProtocol,
    site: Site,
    sae: DictionaryProtocol,
    contexts: Sequence[Context],
    token_filter: TokenFilter,
    *,
    written: Site | None = None,
    earlier: EarlierBlocks | None = None,
    norm_limit: float | None = None,
    split: str = "held_out",
    report: Callable[[int, int], None] = lambda done, total: None,
) -> pa.Table:
    """L0, FVU, dead fraction and, for a causal model, what replacing the site costs in cross-entropy.

    Args:
        host: The model that the dictionary reads.
        site: Where it reads.
        sae: The dictionary.
        contexts: Tokens to measure on; see `context_sample.held_out`.
        token_filter: Which of them are read, and which are text: every text token is predicted.
        written: Where it is spliced in, and what its error is measured at, if that is another site (a transcoder's).
        earlier: What other dictionaries write there too: earlier blocks of a cross-layer transcoder.
        norm_limit: Tokens whose activation is longer are neither measured nor replaced, as in the harvest.
        split: Goes into the rows.
        report: Called after each batch with the batches done and their number.

    Returns:
        Grain: a metric; columns of `sae_metric`, with 95 % intervals by bootstrap over documents. What is undefined has
        no row: the cross-entropies of an encoder, what is recovered where ablation costs nothing, FVU where nothing
        varies. `dead_fraction` is of these tokens: features that are rare, not dead, count in it.
        `largest_rows_share` is the share of the variance that the 1 % of rows farthest from the mean hold: where it is
        large, FVU is about those rows.

    Raises:
        ValueError: If there are no contexts.
    """
    if not contexts:
        raise ValueError(
            "no context of a held-out document was found: one document in sixteen is held out, by its name, and this "
            "corpus has too few; give the model card a corpus of more documents"
        )
    batches = list(padded_batches(contexts, token_filter, batch_tokens(host)))
    sums, firings_F = DocumentSums.over(contexts), torch.zeros(sae.n_features, dtype=torch.int64)
    sum_E, measured = torch.zeros(sae.W_dec.shape[1], dtype=torch.float64), list[Tensor]()
    end, before = written or site, earlier.sites if earlier else ()
    sites = list(dict.fromkeys([site, *before, end]))
    for number, batch in enumerate(batches):
        found, clean_NV = clean_run(host, sites, batch)
        within_T = within(found[0], norm_limit)
        measured.append(_of_read(batch, within_T))
        x_TD, y_TE = found[0][within_T].to(sae.W_dec.device), found[-1][within_T.to(found[-1].device)]
        with torch.no_grad():
            codes = sae.encode(x_TD)
            recon_TE = sae.guess(x_TD, codes).to(y_TE)
            if earlier:
                read = [x[within_T.to(x.device)].to(x_TD.device) for x in found[1 : 1 + len(before)]]
                recon_TE = recon_TE + earlier.written(read).to(y_TE)
        tokens_M, features_M, _ = codes.fired()
        firings_F += torch.bincount(features_M, minlength=sae.n_features).cpu()
        sum_E += y_TE.sum(dim=0, dtype=torch.float64).cpu()
        sums.add("rows", batch, measured[-1], torch.ones(len(y_TE)))
        sums.add("firings", batch, measured[-1], torch.bincount(tokens_M, minlength=len(y_TE)))
        sums.add("error", batch, measured[-1], (y_TE.double() - recon_TE.double()).square().sum(dim=1))
        if clean_NV is not None:
            spliced_NV = logits_with_replacement(host, end, batch, _in_place(within_T, recon_TE))
            add_losses(sums, batch, clean_NV, spliced_NV)
        report(number + 1, 2 * len(batches))
    mean_E, distances = sum_E / sums.total("rows"), list[Tensor]()
    for number, batch in enumerate(batches):
        y_TE, ablated_NV = _mean_ablated(host, end, batch, measured[number], mean_E)
        distances.append((y_TE.double().cpu() - mean_E).square().sum(dim=1))
        sums.add("distance", batch, measured[number], distances[-1])
        if ablated_NV is not None:
            sums.add("ablated", batch, predicted(batch), cross_entropy(ablated_NV, targets(batch)))
        report(len(batches) + number + 1, 2 * len(batches))
    n, dead = int(sums.total("rows")), float((firings_F == 0).double().mean())
    metrics = _metrics(sums) | {"dead_fraction": Metric(dead, n)}
    squares = -np.sort(-torch.cat(distances).numpy())
    if squares.any():
        metrics["largest_rows_share"] = Metric(largest_share(np.ones(len(squares)), squares), n)
    return metric_rows(split, metrics)


def _of_read(batch: PaddedBatch, within_T: Tensor) -> Tensor:
    """The tokens that are read and whose activation is within the limit, as a mask of the batch: [B, P]."""
    measured_BP = batch.read_BP.clone()
    measured_BP[batch.read_BP] = within_T.cpu()
    return measured_BP


def _in_place(within_T: Tensor, value_TE: Tensor) -> Callable[[Tensor], Tensor]:
    """Puts values in the place of the tokens within the limit; one value may stand for all."""

    def replaced(y_TE: Tensor) -> Tensor:
        y_TE[within_T.to(y_TE.device)] = value_TE.to(y_TE)
        return y_TE

    return replaced


def predicted(batch: PaddedBatch) -> Tensor:
    """The tokens that are predicted, each at its own place: [B, P]."""
    predicted_BP = batch.text_BP.clone()
    predicted_BP[:, 0] = False
    return predicted_BP


def add_losses(sums: DocumentSums, batch: PaddedBatch, clean_NV: Tensor, spliced_NV: Tensor) -> None:
    predicted_BP, targets_N = predicted(batch), targets(batch)
    divergence_N = (clean_NV.exp() * (clean_NV - spliced_NV)).sum(dim=1, dtype=torch.float64)
    sums.add("predicted", batch, predicted_BP, torch.ones(len(targets_N)))
    sums.add("clean", batch, predicted_BP, cross_entropy(clean_NV, targets_N))
    sums.add("spliced", batch, predicted_BP, cross_entropy(spliced_NV, targets_N))
    sums.add("divergence", batch, predicted_BP, divergence_N)


def _mean_ablated(
    host: EditableModelProtocol, site: Site, batch: PaddedBatch, measured_BP: Tensor, mean_E: Tensor
) -> tuple[Tensor, Tensor | None]:
    """The site's values at the measured tokens, and what the model predicts with their mean in their place."""
    within_T, seen = measured_BP[batch.read_BP], list[Tensor]()
    if not host.is_causal:
        [y_TE], _ = clean_run(host, [site], batch)
        return y_TE[within_T.to(y_TE.device)], None

    def replaced(y_TE: Tensor) -> Tensor:
        seen.append(y_TE[within_T.to(y_TE.device)])
        return _in_place(within_T, mean_E)(y_TE)

    logits_NV = logits_with_replacement(host, site, batch, replaced)
    return seen[0], logits_NV


def _metrics(sums: DocumentSums) -> dict[str, Metric]:
    """Per token; what is recovered is left out where ablation costs nothing."""
    ratios = {"l0": sums.ratio("firings", "rows"), "fvu": sums.ratio("error", "distance")}
    if sums.sums.get("predicted") is not None and sums.total("predicted"):
        ratios |= {
            "ce_clean": sums.ratio("clean", "predicted"),
            "ce_with_sae": sums.ratio("spliced", "predicted"),
            "ce_mean_ablated": sums.ratio("ablated", "predicted"),
            "ce_recovered": sums.ratio("ablated", "ablated", less="spliced", less_below="clean"),
            "kl": sums.ratio("divergence", "predicted"),
        }
    return {name: metric for name, metric in ratios.items() if metric is not None}


def metric_rows(split: str, metrics: dict[str, Metric]) -> pa.Table:
    """Grain: a metric. Rounding makes no divergence negative."""
    rows = [
        {
            "split": split,
            "metric": name,
            "value": max(metric.value, 0.0) if name.startswith("kl") else metric.value,
            "ci_low": metric.interval[0] if metric.interval else None,
            "ci_high": metric.interval[1] if metric.interval else None,
            "unit": UNITS[name],
            "n_tokens": metric.n_tokens,
            "n_documents": metric.n_documents,
        }
        for name, metric in metrics.items()
    ]
    return rows_as_table("sae_metric", rows)


def calibration_rows(facts: dict[str, Any] | None) -> pa.Table:
    """What a dictionary did in training and does as exported, on the held-out tokens that it was calibrated on; nothing
    where it was not trained here."""
    n_tokens = facts["n_tokens"] if facts else 0
    stages = {stage: facts[stage] for stage in ("trained", "exported")} if facts else {}
    named = {f"{metric}_{stage}": value for stage, found in stages.items() for metric, value in found.items()}
    return metric_rows("calibration", {name: Metric(value, n_tokens) for name, value in named.items()})
