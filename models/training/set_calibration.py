"""Thresholds of a cross-layer transcoder, chosen after training so that each block has the L0 that was wanted.

As models/training/threshold_calibration.py does for one dictionary; FVU is that of what all blocks write to a block.

Axes: T tokens of a chunk, D width of a block that is read, E width of one that is written.
"""

from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor

from models.dictionaries.architectures.cross_layer_transcoder import CrossLayerSlice
from models.dictionaries.architectures.jumprelu import JumpReLUSAE
from models.dictionaries.cross_layer_set import CrossLayerTranscoders, written_to
from models.dictionaries.cross_layer_training import CrossLayerTranscoder
from models.dictionaries.normalization import RunningMoments
from models.sparse.codes import SparseCodes
from models.training.threshold_calibration import (
    PROBE,
    TOKENS,
    Calibration,
    L0AndFVU,
    held_out_sample,
    threshold_factor,
)

BYTES = 2**30
"""Of activations of all sites that are looked at, at most."""
Coding = Callable[[Tensor], tuple[Sequence[SparseCodes], Sequence[Tensor], Sequence[Tensor]]]
"""What some rows are coded as, block by block; what is then written, and what was to be."""


def calibrate_set(
    trained: CrossLayerTranscoder, layers: Sequence[int], chunks: Iterable[Tensor], k: float
) -> list[Calibration]:
    """A dictionary of each block for raw activations, with the L0 that was wanted.

    Args:
        trained: As it left the trainer, its scalings known.
        layers: What its blocks are called.
        chunks: Held-out activations of the sites that are read, beside them of those that are written. Read once.

    Raises:
        ValueError: If there are no tokens.
    """
    widths = [*trained.widths_read, *trained.widths]
    held_out = held_out_sample(chunks, min(TOKENS, max(PROBE, BYTES // (4 * sum(widths)))))
    device = trained.b_dec.device
    calibrated: dict[int, tuple[CrossLayerSlice, float]] = {}
    for number, (layer, plain) in enumerate(zip(layers, trained.slices(layers), strict=True)):
        read = [rows.split(widths, dim=1)[number] for rows in held_out]
        learned = isinstance(trained.of_blocks[number], JumpReLUSAE)
        factor = threshold_factor(plain, read, k, learned=learned)
        calibrated[layer] = plain.rescaled(factor).requires_grad_(False).to(device), factor
    kept = CrossLayerTranscoders({layer: sae for layer, (sae, _) in calibrated.items()})
    before, after = (_measured(coding, held_out, device) for coding in (_as_trained(trained), _as_kept(kept, widths)))
    n_tokens, first = sum(map(len, held_out)), held_out[0][:PROBE].split(widths, dim=1)
    return [
        Calibration(sae, was, is_now, factor, n_tokens, probe_TD)
        for (sae, factor), was, is_now, probe_TD in zip(calibrated.values(), before, after, first, strict=False)
    ]


def _as_trained(trained: CrossLayerTranscoder) -> Coding:
    """A chunk as one batch, in the scale of the training."""

    def coded(rows: Tensor) -> tuple[Sequence[SparseCodes], Sequence[Tensor], Sequence[Tensor]]:
        read, written = trained.apply_scalings(rows)
        codes = [block.encode(x_TD) for block, x_TD in zip(trained.of_blocks, read, strict=True)]
        return codes, trained.decode(codes).split(trained.widths, dim=1), written

    return coded


def _as_kept(kept: CrossLayerTranscoders, widths: Sequence[int]) -> Coding:
    def coded(rows: Tensor) -> tuple[Sequence[SparseCodes], Sequence[Tensor], Sequence[Tensor]]:
        parts, n = rows.split(widths, dim=1), len(kept.layers)
        read = dict(zip(kept.layers, parts[:n], strict=True))
        codes = {layer: kept.encode(layer, x_TD) for layer, x_TD in read.items()}
        return list(codes.values()), [written_to(kept, layer, read, codes) for layer in kept.layers], parts[n:]

    return coded


@torch.no_grad()
def _measured(coding: Coding, held_out: Sequence[Tensor], device: torch.device) -> list[L0AndFVU]:
    """L0 and FVU of each block over all chunks."""
    sums: list[tuple[int, float, RunningMoments]] = []
    for rows in held_out:
        codes, written, wanted = coding(rows.to(device))
        own = [
            (int((c.acts_TK > 0).sum()), float((y - y_hat).double().square().sum()), RunningMoments.of(y))
            for c, y_hat, y in zip(codes, written, wanted, strict=True)
        ]
        sums = [(a + d, b + e, c + f) for (a, b, c), (d, e, f) in zip(sums, own, strict=True)] if sums else own
    return [L0AndFVU(firings / m.n, error / max(m.variation, 1e-300)) for firings, error, m in sums]
