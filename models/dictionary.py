"""What a trainer, an exporter and a reader ask of a dictionary; a new architecture is one more file that answers.

The file is named as SAELens names the architecture (`models/topk.py`), and its class derives from `Dictionary`.

Axes: T tokens, D width, F features.
"""

import importlib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn

from models.codes import Codes
from models.scaling import Scaling
from models.settings import SAESettings


@dataclass(frozen=True, slots=True)
class Moment:
    """What a loss may depend on besides the batch."""

    step: int
    n_steps: int
    dead_F: Tensor
    """Features that have been silent for the whole dead window."""
    aux_coefficient: float
    matmul: torch.dtype
    """Precision of the encoder's product."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a batch costs, and what the curves and the count of the dead need to know of it."""

    loss: Tensor
    """To be minimised; a scalar that gradients flow from."""
    aux_loss: Tensor
    """The part that revives features, before its coefficient; 0 where there is none."""
    error_TD: Tensor
    """Activation less reconstruction, detached."""
    codes: Codes


class Dictionary(nn.Module, ABC):
    """Features of one site: a code for each activation and an activation for each code.

    A trained dictionary that left the trainer works in raw units: centring and scale are folded into its weights.
    """

    architecture: ClassVar[str]
    """As `cfg.json` spells it; also the name of the file."""
    betas: ClassVar[tuple[float, float]] = (0.9, 0.999)
    """Of Adam."""

    d_in: int
    n_features: int
    W_dec: nn.Parameter
    b_dec: nn.Parameter

    @classmethod
    @abstractmethod
    def build(cls, settings: SAESettings, d_in: int, chance: torch.Generator) -> Self:
        """An untrained dictionary for centred activations with E|x|^2 = d_in."""

    @property
    @abstractmethod
    def W_enc(self) -> Tensor:
        """[D, F]"""

    @abstractmethod
    def loss(self, x_TD: Tensor, moment: Moment) -> Outcome: ...

    @abstractmethod
    def encode(self, x_TD: Tensor) -> Codes: ...

    @abstractmethod
    def decode(self, codes: Codes) -> Tensor: ...

    def forward(self, x_TD: Tensor) -> Tensor:
        return self.decode(self.encode(x_TD))

    def before_step(self) -> None:
        """Runs when gradients are known: the place to project them."""

    def after_step(self) -> None:
        """Runs when the weights have moved: the place to put them back where they must lie."""

    @abstractmethod
    def folded(self, scaling: Scaling) -> Self:
        """The same dictionary for raw activations: `folded(s)(x) == s.undo(self(s.apply(x)))`."""

    @abstractmethod
    def config(self) -> dict[str, Any]:
        """The keys of `cfg.json` that only this architecture has."""

    @abstractmethod
    def tensors(self) -> dict[str, Tensor]:
        """The weights as `sae_weights.safetensors` names and shapes them."""

    @classmethod
    @abstractmethod
    def shapes(cls, d_in: int, n_features: int) -> dict[str, tuple[int, ...]]:
        """Name and shape of every tensor of `sae_weights.safetensors`."""

    @classmethod
    @abstractmethod
    def restored(cls, config: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Self:
        """From `cfg.json` and float32 tensors whose names and shapes were checked."""

    @torch.no_grad()
    def unit_decoder(self) -> None:
        """Gives every decoder row norm 1."""
        self.W_dec.div_(torch.linalg.vector_norm(self.W_dec, dim=1, keepdim=True).clamp_min(1e-12))

    @torch.no_grad()
    def project_decoder_gradient(self) -> None:
        """Removes from each decoder row's gradient what only changes the row's norm."""
        if self.W_dec.grad is not None:
            along_F1 = torch.linalg.vecdot(self.W_dec, self.W_dec.grad)[:, None]
            self.W_dec.grad.addcmul_(self.W_dec, along_F1, value=-1)


def architecture(name: str) -> type[Dictionary]:
    """The class whose architecture is so called.

    Raises:
        ValueError: If no file of `models/` has it.
    """
    module = None
    if name.isidentifier():
        try:
            module = importlib.import_module(f"models.{name}")
        except ModuleNotFoundError as error:
            if error.name != f"models.{name}":
                raise
    for found in vars(module or object).values():
        if isinstance(found, type) and issubclass(found, Dictionary) and getattr(found, "architecture", None) == name:
            return found
    raise ValueError(
        f"architecture {name!r} is none that this code can train or read: choose one that has a file "
        "models/<architecture>.py"
    )
