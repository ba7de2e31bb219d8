"""Maps that carry a stream to where the model reads it: one for each place in the stream, by layer.

Of a tuned lens they are learned, of a Jacobian lens averaged derivatives; where there is none the stream is read as it
is, which is the logit lens.

N tokens, D width of the stream.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from torch import Tensor

from models.language_model.sites import Site

LensKind = Literal["logit", "tuned", "jacobian"]


@dataclass(frozen=True, slots=True)
class StreamLens:
    """One lens of one model."""

    kind: LensKind = "logit"
    maps_DD: Mapping[int, Tensor] = field(default_factory=dict)
    """By layer, −1 where the stream enters the first block: what multiplies the stream."""
    biases_D: Mapping[int, Tensor] = field(default_factory=dict)

    def __call__(self, layer: int, x_ND: Tensor) -> Tensor:
        """The stream of a layer as if it had come to the end, in the dtype that it had."""
        if layer not in self.maps_DD:
            return x_ND
        carried_ND = x_ND.float() @ self.maps_DD[layer].T.to(x_ND.device)
        if layer in self.biases_D:
            carried_ND = carried_ND + self.biases_D[layer].to(x_ND.device)
        return carried_ND.to(x_ND.dtype)


AS_IT_IS = StreamLens()
"""The logit lens."""


def stream_sites(n_layers: int) -> list[tuple[int, Site]]:
    """Layer and site of the stream as it enters the first block and as it leaves each."""
    return [(-1, Site("resid_pre", 0)), *((layer, Site("resid_post", layer)) for layer in range(n_layers))]
