"""What it costs a model that all its MLPs of a set are replaced at once by their transcoders.

Each transcoder reads what its block reads in the pass that is already changed: errors of earlier blocks add up, as they
do in a replacement model. Tokens that are not read keep their value.

Axes: B contexts of a batch, P positions, T tokens of the batch that are read, D width that is read, E width that is
written, N predicted tokens, V vocabulary.
"""

from collections.abc import Callable, Mapping, Sequence

import pyarrow as pa
import torch
from torch import Tensor

from models.activations.site_reading import PaddedBatch, padded_batches
from models.corpora.contexts import Context
from models.corpora.token_filter import TokenFilter
from models.dictionaries.cross_layer_set import written_to
from models.dictionaries.transcoder_set import TranscoderSet
from models.evaluation.document_sums import DocumentSums, Metric
from models.evaluation.reconstruction import (
    add_losses,
    batch_tokens,
    cross_entropy,
    metric_rows,
    predicted,
)
from models.interventions.splice import Edit, EditableModelProtocol, clean_run, logits_with_edits, targets
from models.language_model.sites import Site
from models.sparse.codes import SparseCodes

NAMES = {
    "ce_with_sae": "ce_with_set",
    "ce_mean_ablated": "ce_set_mean_ablated",
    "ce_recovered": "ce_recovered_by_set",
    "kl": "kl_with_set",
}
"""Metrics of one dictionary, and what those of the set are called."""


def evaluate_replacement(
    host: EditableModelProtocol,
    transcoders: TranscoderSet,
    read: str,
    written: str,
    contexts: Sequence[Context],
    token_filter: TokenFilter,
    split: str = "held_out",
) -> pa.Table:
    """Cross-entropies with all blocks replaced, and with all replaced by their means.

    Args:
        read: The kind of site that transcoders read, such as `mlp_in`.
        written: The kind that they write, such as `mlp_out`.

    Returns:
        Grain: a metric; columns of `sae_metric`. None of an encoder, which predicts nothing.
    """
    batches = list(padded_batches(contexts, token_filter, batch_tokens(host))) if host.is_causal else []
    sums, outputs = DocumentSums.over(contexts), [Site(written, layer) for layer in transcoders.layers]
    totals, n = [torch.zeros(()).double() for _ in outputs], 0
    for batch in batches:
        found, clean_NV = clean_run(host, outputs, batch)
        assert clean_NV is not None
        totals = [total + y_TE.sum(0, dtype=torch.float64).cpu() for total, y_TE in zip(totals, found, strict=True)]
        n += len(found[0])
        replaced_NV = logits_with_edits(host, batch, _replacements(transcoders, read, written, batch))
        add_losses(sums, batch, clean_NV, replaced_NV)
    means = {site: total / max(n, 1) for site, total in zip(outputs, totals, strict=True)}
    for batch in batches:
        ablated_NV = logits_with_edits(host, batch, {site: _filled(batch, mean) for site, mean in means.items()})
        sums.add("ablated", batch, predicted(batch), cross_entropy(ablated_NV, targets(batch)))
    return metric_rows(split, _metrics(sums))


def _metrics(sums: DocumentSums) -> dict[str, Metric]:
    if sums.sums.get("predicted") is None or not sums.total("predicted"):
        return {}
    found = {
        "ce_with_sae": sums.ratio("spliced", "predicted"),
        "ce_mean_ablated": sums.ratio("ablated", "predicted"),
        "ce_recovered": sums.ratio("ablated", "ablated", less="spliced", less_below="clean"),
        "kl": sums.ratio("divergence", "predicted"),
    }
    return {NAMES[name]: metric for name, metric in found.items() if metric is not None}


def _replacements(transcoders: TranscoderSet, read: str, written: str, batch: PaddedBatch) -> Mapping[Site, Edit]:
    """Edits of one pass: what is read is coded on its way, what is written replaced."""
    inputs: dict[int, Tensor] = {}
    codes: dict[int, SparseCodes] = {}

    def coded(layer: int) -> Edit:
        def see(x_BPD: Tensor) -> Tensor:
            inputs[layer] = x_BPD[batch.read_BP.to(x_BPD.device)].float()
            codes[layer] = transcoders.encode(layer, inputs[layer])
            return x_BPD

        return see

    def replaced(layer: int) -> Edit:
        def edit(y_BPE: Tensor) -> Tensor:
            y_BPE[batch.read_BP.to(y_BPE.device)] = written_to(transcoders, layer, inputs, codes).to(y_BPE)
            return y_BPE

        return edit

    return {Site(read, layer): coded(layer) for layer in transcoders.layers} | {
        Site(written, layer): replaced(layer) for layer in transcoders.layers
    }


def _filled(batch: PaddedBatch, value_E: Tensor) -> Callable[[Tensor], Tensor]:
    def edit(y_BPE: Tensor) -> Tensor:
        y_BPE[batch.read_BP.to(y_BPE.device)] = value_E.to(y_BPE)
        return y_BPE

    return edit
