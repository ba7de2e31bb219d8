"""What a model loses on a piece that it reads for the second time when heads are ablated.

To zero: the head says nothing (Michel et al. 2019). To the mean: it says what it says on average where nothing is
repeated (Wang et al. 2022).

S sequences, P positions, D all heads of a block side by side.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from models.attention.copy_loss import CopyLoss, copy_loss
from models.attention.head import Head
from models.attention.repeated_sequences import RepeatedSequence, batches, padded
from models.interventions.attention_edits import ablate_heads
from models.language_model.hooked_model import HookedModel
from models.language_model.sites import Site
from models.numerics.bootstrap import ratio_interval

Mode = Literal["zero", "mean"]


@dataclass(frozen=True, slots=True)
class HeadAblation:
    """The loss with and without some heads, on the same sequences."""

    name: str
    heads: tuple[Head, ...]
    mode: Mode
    base: CopyLoss
    ablated: CopyLoss

    @property
    def change(self) -> float:
        """Of the loss on the second copy [nats]."""
        return float(self._change_S.mean())

    @property
    def _change_S(self) -> np.ndarray:
        return self.ablated.second_S.double().numpy() - self.base.second_S.double().numpy()

    def interval(self, seed: int) -> tuple[float, float] | None:
        """The 95 % interval of the change, by the bootstrap over sequences; None where there is one sequence."""
        return ratio_interval(self._change_S, np.ones(len(self._change_S)), seed)


@dataclass(frozen=True, slots=True)
class HeadAblator:
    """Ablates heads of one model on the same sequences each time."""

    host: HookedModel
    counts: Sequence[int]
    """Heads of each block."""
    sequences: Sequence[RepeatedSequence]
    base: CopyLoss
    mean_D: Mapping[int, Tensor]
    """What all heads of a block say on average, side by side, by block."""

    @classmethod
    def of(cls, host: HookedModel, counts: Sequence[int], sequences: Sequence[RepeatedSequence]) -> "HeadAblator":
        return cls(host, counts, sequences, copy_loss(host, sequences), _mean_outputs(host, sequences))

    def ablated(self, name: str, heads: Sequence[Head], mode: Mode) -> HeadAblation:
        """The loss without these heads."""
        edits = {
            Site("z", layer): ablate_heads(
                [head.head for head in heads if head.layer == layer],
                self.counts[layer],
                self.mean_D[layer] if mode == "mean" else None,
            )
            for layer in sorted({head.layer for head in heads})
        }
        with self.host.intervene(edits):
            return HeadAblation(name, tuple(heads), mode, self.base, copy_loss(self.host, self.sequences))


@torch.no_grad()
def _mean_outputs(host: HookedModel, sequences: Sequence[RepeatedSequence]) -> dict[int, Tensor]:
    """Over all positions of the text where the second copy stands in another order."""
    sites = {layer: Site("z", layer) for layer in range(host.n_layers)}
    width, n = sum(host.width(site) for site in sites.values()), 0
    sums: dict[int, Tensor] = {}
    for batch in batches(sequences, width):
        ids_BP, mask_BP = padded([each.shuffled_ids for each in batch])
        with host.capture(sites.values()) as said:
            host.forward(ids_BP, mask_BP)
        n += int(mask_BP.sum())
        for layer, site in sites.items():
            sum_D = said[site][mask_BP.to(said[site].device)].double().sum(0)
            sums[layer] = sums.get(layer, torch.zeros_like(sum_D)) + sum_D
    return {layer: sum_D / n for layer, sum_D in sums.items()}
