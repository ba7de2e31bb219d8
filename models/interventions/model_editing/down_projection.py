"""The last linear map of a block's MLP, as a memory of keys and values that an edit writes into.

D model width, E neurons.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from models.language_model.hooked_model import HookedModel
from models.language_model.sites import Site

EDITABLE = (torch.float32, torch.float64)


class InvalidEdit(ValueError):
    """A model or a fact cannot be edited. The message says what was found, what was wanted and what to do."""


@dataclass(frozen=True, slots=True)
class DownProjection:
    """W and b of output = W key + b, where the key is what the neurons say (of a gated MLP behind the gate)."""

    layer: int
    name: str
    """Dotted path of the module in the model, as its checkpoint names it."""
    module: Any
    is_flat: bool
    """Whether the positions of all rows pass as one axis."""

    @classmethod
    def of(cls, host: HookedModel, layer: int) -> "DownProjection":
        """The down-projection of a block, found by the model's map.

        Raises:
            InvalidEdit: If the model has no single one in this block, or holds it in half precision or quantised.
            ValueError: If it has no such block.
        """
        site = Site("mlp_act", layer).resolve(host.n_layers)
        try:
            module, point = host.module_map.at(site)
        except ValueError as error:
            raise InvalidEdit(f"no block can be edited: {error}. An edit rewrites one down-projection") from error
        name = next(name for name, each in host.model.named_modules() if each is module)
        weight = getattr(module, "weight", None)
        if not isinstance(weight, Tensor) or not (isinstance(module, nn.Linear) or type(module).__name__ == "Conv1D"):
            raise InvalidEdit(f"{name} of {host.architecture} is a {type(module).__name__}, wanted a linear map")
        if weight.dtype not in EDITABLE:
            raise InvalidEdit(
                f"{name} of {host.architecture} is held in {str(weight.dtype).removeprefix('torch.')}, in which an "
                "edit of rank one is lost to rounding: set `dtype: float32` in the model's card"
            )
        return cls(layer, name, module, point.flat)

    @property
    def weight_DE(self) -> Tensor:
        """A view of the weights; GPT-2 keeps them turned."""
        weight = self.module.weight
        return weight if isinstance(self.module, nn.Linear) else weight.T

    @torch.no_grad()
    def __call__(self, key_E: Tensor) -> Tensor:
        """W key + b in float64 (D,)."""
        bias = self.module.bias
        value_D = self.weight_DE.double() @ key_E.double()
        return value_D if bias is None else value_D + bias.double()
