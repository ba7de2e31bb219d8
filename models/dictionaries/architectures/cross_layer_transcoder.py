"""A block's part of a cross-layer transcoder (Lindsey et al. 2025, transformer-circuits.pub/2025/attribution-graphs).

Axes: F features, E width of each site that is written.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from models.dictionaries.architectures.jumprelu import JumpReLUSAE
from models.dictionaries.config import SAESettings
from models.dictionaries.trainable import TrainableModule

TO = "W_dec_to."
"""What stands before the number of a later block in the name of the decoder that writes it."""


class CrossLayerSlice(JumpReLUSAE):
    """Codes what one block's MLP reads, and writes that block's MLP and those of later ones.

    codes = pre * H(pre - threshold);  pre = x @ W_enc + b_enc;  this block gets codes @ W_dec, a later one codes @
    later_FE[block]; what a feature writes in all has norm 1.

    `decode` is its own block's share, with that block's bias: what earlier blocks write there is left to the whole set
    (models/dictionaries/cross_layer_set.py), as is training (models/dictionaries/cross_layer_training.py).
    """

    architecture = "cross_layer_transcoder"

    def __init__(self, tensors: Mapping[str, Tensor], config: Mapping[str, Any]) -> None:
        super().__init__(tensors, {**config, "crosses": True})
        named = {name.removeprefix(TO): nn.Parameter(t) for name, t in tensors.items() if name.startswith(TO)}
        self.later = nn.ParameterDict(named)

    @property
    def later_FE(self) -> dict[int, Tensor]:
        """The decoders to later blocks, by block, ascending."""
        return {block: self.later[str(block)].detach() for block in sorted(map(int, self.later))}

    @property
    def stream_directions_FE(self) -> Tensor:
        return torch.stack([self.W_dec.detach(), *self.later_FE.values()]).sum(0)

    def tensors(self) -> dict[str, Tensor]:
        return super().tensors() | {f"{TO}{block}": t for block, t in self.later_FE.items()}

    @classmethod
    def trainable(
        cls, settings: SAESettings, read: Sequence[int], written: Sequence[int], chance: torch.Generator
    ) -> TrainableModule:
        from models.dictionaries.cross_layer_training import CrossLayerTranscoder  # makes slices of its blocks

        return CrossLayerTranscoder.build(settings, read, written, chance)
