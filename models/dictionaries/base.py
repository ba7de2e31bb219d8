"""What a trainer, an exporter and a reader ask of a dictionary; a new architecture is one more file that answers.

An architecture is a file in `models/dictionaries/architectures`, found by `models.dictionaries.registry`; its class
derives from `SparseDictionary`.

Axes: T tokens, D width of what is read, E width of what is written (D for an autoencoder), F features, M places, or
rows of tokens.
"""

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Self

import torch
import torch.nn.functional
from torch import Tensor, nn

from models.dictionaries.auxk_loss import auxk_loss
from models.dictionaries.config import SAESettings
from models.dictionaries.loss_terms import LossTerms, Reconstruction, StepContext
from models.dictionaries.normalization import Normalization
from models.dictionaries.trainable import TrainableModule
from models.sparse.codes import SparseCodes
from models.sparse.entries import Entries
from models.sparse.process_group import SINGLE_PROCESS, ProcessGroup

FeatureReader = Callable[[Tensor], Tensor]


class SparseDictionary(TrainableModule):
    """Features of one site: a code for each activation and an activation for each code.

    pre = (x - b_dec) @ W_enc + b_enc;  codes = the architecture's own choice among pre;  y_hat = codes @ W_dec + b_dec

    An autoencoder writes what it reads. A transcoder (Dunefsky et al. 2024, arXiv:2406.11944) writes another site, with
    `pre = x @ W_enc + b_enc`; a skip transcoder (Paulo et al. 2025, arXiv:2501.18823) adds `x @ W_skip.T` to y_hat.
    Any architecture can be either.

    The encoder is kept as rows, `encoder_FD = W_enc.T`: where few features fire its gradient is sparse. A dictionary
    that left the trainer works in raw units: centring and scale are folded into its weights.
    """

    architecture: ClassVar[str]
    """As recipes spell it; also the name of the file."""
    biases: ClassVar[tuple[str, ...]] = ("b_enc",)
    """Parameters of each feature that are added to a pre-activation, in its unit."""
    levels: ClassVar[tuple[str, ...]] = ()
    """Parameters of each feature in the same unit that are compared with it."""
    gains: ClassVar[tuple[str, ...]] = ()
    """Parameters of each feature without a unit."""
    unit_rows: ClassVar[bool] = True
    """Whether training keeps decoder rows at norm 1."""

    b_enc: nn.Parameter

    def __init__(self, tensors: Mapping[str, Tensor], config: Mapping[str, Any]) -> None:
        """From tensors as SAELens names and shapes them, and what the architecture wants to know besides."""
        super().__init__()
        self.config = dict(config)
        self.d_in, self.n_features = tensors["W_enc"].shape
        self.d_out = tensors["W_dec"].shape[1]
        self.crosses = bool(self.config.get("crosses"))
        self.encoder_FD = nn.Parameter(tensors["W_enc"].T.contiguous())
        self.W_dec = nn.Parameter(tensors["W_dec"])
        self.b_dec = nn.Parameter(tensors["b_dec"])
        for name in self.per_feature:
            setattr(self, name, nn.Parameter(tensors[name]))
        self.W_skip = nn.Parameter(tensors["W_skip"]) if "W_skip" in tensors else None

    @classmethod
    def build(cls, settings: SAESettings, d_in: int, chance: torch.Generator, d_out: int | None = None) -> Self:
        """An untrained dictionary for centred activations with E|x|^2 = d_in: random unit directions, an autoencoder's
        encoder their transpose, no biases. `d_out` is the width of another site that is to be written."""
        n_features = settings.width(d_in)
        W_dec = _directions(n_features, d_out or d_in, chance)
        W_enc = W_dec.T.clone() if d_out is None else _directions(n_features, d_in, chance).T
        tensors = {"W_enc": W_enc, "W_dec": W_dec, "b_dec": torch.zeros(d_out or d_in)}
        tensors |= {name: torch.zeros(n_features) for name in (*cls.biases, *cls.levels, *cls.gains)}
        if settings.skip_connection:
            tensors["W_skip"] = torch.zeros(d_out or d_in, d_in)
        return cls(tensors, cls.asked(settings) | {"crosses": d_out is not None})

    @classmethod
    def trainable(
        cls, settings: SAESettings, read: Sequence[int], written: Sequence[int], chance: torch.Generator
    ) -> TrainableModule:
        """What is trained to get dictionaries of this architecture, of sites of these widths; none are written where
        what is read is."""
        assert len(read) == 1, f"{cls.architecture} reads one site, not {len(read)}"
        return cls.build(settings, read[0], chance, *written)

    @classmethod
    def asked(cls, settings: SAESettings) -> dict[str, Any]:
        """What of the settings the architecture remembers, as JSON."""
        return {"k": settings.k}

    @property
    def n_sites_read(self) -> int:
        return 1

    @property
    def widths_written(self) -> tuple[int, ...]:
        return (self.d_out,)

    @property
    def width_of_rows(self) -> int:
        return self.d_in

    @property
    def k(self) -> int:
        """The L0 that training aims at."""
        return int(self.config["k"])

    @property
    def mean_density(self) -> float:
        """Share of the tokens on which a feature fires on average, where that L0 is reached."""
        return min(1.0, self.k / self.n_features)

    @property
    def per_feature(self) -> tuple[str, ...]:
        return (*self.biases, *self.levels, *self.gains)

    @property
    def by_rows(self) -> tuple[str, ...]:
        """Parameters with a row for each feature."""
        return ("encoder_FD", "W_dec", *self.per_feature)

    @property
    def W_enc(self) -> Tensor:
        """[D, F]"""
        return self.encoder_FD.T

    @property
    def centre_D(self) -> Tensor:
        """What is subtracted from the input."""
        return self.b_dec.new_zeros(()) if self.crosses else self.b_dec

    # Coding

    @abstractmethod
    def encode(self, x_TD: Tensor) -> SparseCodes: ...

    def feature_activations(self, features_M: Tensor) -> FeatureReader:
        """Reads one feature on each row of tokens, again and again: [M, T, D] to activations [M, T], as `encode` has
        them up to rounding.

        An architecture whose choice allows it reads these features alone, from what it gathers of them once.
        """

        @torch.no_grad()
        def read(x_MTD: Tensor) -> Tensor:
            codes = self.encode(x_MTD.flatten(0, 1))
            acts_MTK, features_MTK = (slots.view(*x_MTD.shape[:2], -1) for slots in (codes.acts_TK, codes.features_TK))
            return (acts_MTK * (features_MTK == features_M[:, None, None])).sum(-1)

        return read

    def feature_products(self, features_M: Tensor, bias_F: Tensor) -> FeatureReader:
        """Reads pre-activations likewise."""
        rows_MD1 = self.encoder_FD.detach()[features_M, :, None]
        bias_M11, centre_D = bias_F.detach()[features_M, None, None], self.centre_D.detach()
        return lambda x_MTD: torch.baddbmm(bias_M11, x_MTD.float() - centre_D, rows_MD1)[:, :, 0]

    def decode(self, codes: SparseCodes) -> Tensor:
        slots, acts_M = codes.slots()
        return slots.combine(acts_M, self.W_dec) + self.b_dec

    def guess(self, x_TD: Tensor, codes: SparseCodes) -> Tensor:
        """What is written for these activations with these codes of theirs."""
        decoded_TE = self.decode(codes)
        return decoded_TE if self.W_skip is None else decoded_TE + x_TD.float() @ self.W_skip.T

    def forward(self, x_TD: Tensor) -> Tensor:
        return self.guess(x_TD, self.encode(x_TD))

    @property
    def stream_directions_FE(self) -> Tensor:
        """What a feature adds to the residual stream in all, for an activation of 1, where its site lies in it."""
        return self.W_dec

    # Training

    def meet(self, x_TD: Tensor, process_group: ProcessGroup = SINGLE_PROCESS) -> None:
        pass

    def reconstruction(
        self, x_TD: Tensor, y_TE: Tensor, acts_M: Tensor, entries: Entries, context: StepContext
    ) -> Reconstruction:
        """What these codes leave of what is to be written."""
        error_TE = self.error(x_TD, y_TE, acts_M, entries, context.process_group)
        squared = context.process_group.share * error_TE.square().sum()
        return Reconstruction(squared, error_TE, entries.firings(acts_M.detach()))

    def error(
        self, x_TD: Tensor, y_TE: Tensor, acts_M: Tensor, entries: Entries, process_group: ProcessGroup
    ) -> Tensor:
        """What is to be written, less what is."""
        error_TE = y_TE - self.b_dec - process_group.over_features(entries.combine(acts_M, self.W_dec))
        return error_TE if self.W_skip is None else error_TE - x_TD @ self.W_skip.T

    def loss_terms(
        self,
        x_TD: Tensor,
        y_TE: Tensor,
        left: Reconstruction,
        context: StepContext,
        penalty: Tensor | float = 0.0,
    ) -> LossTerms:
        """Squared error over the batch's spread, the same of the dead features' guess at the error, and a penalty that
        is already a part of the loss."""
        centred_TD, group = (x_TD - self.centre_D).detach(), context.process_group
        aux_loss = auxk_loss(
            centred_TD, left.error_TE, context.dead_F, self.encoder_FD, self.dead_bias_F, self.W_dec, self.k, group
        )
        loss = left.squared_error / group.spread(y_TE) + context.aux_coefficient * aux_loss + penalty
        return LossTerms(loss, aux_loss.detach(), left.error_TE.detach(), left.firings_F)

    @property
    def dead_bias_F(self) -> Tensor:
        """The bias by which dead features are told apart and revived."""
        return getattr(self, self.biases[0])

    def before_step(self) -> None:
        """Runs when gradients are known: removes from each decoder row's what only changes the row's norm."""
        if self.unit_rows and self.W_dec.grad is not None:
            along_F1 = torch.linalg.vecdot(self.W_dec.detach(), self.W_dec.grad)[:, None]
            self.W_dec.grad.addcmul_(self.W_dec.detach(), along_F1, value=-1)

    @torch.no_grad()
    def after_step(self, terms: LossTerms, context: StepContext) -> None:
        """Runs when the weights have moved: puts them back where they must lie."""
        self.renormalize()

    @torch.no_grad()
    def renormalize(self) -> None:
        """Gives decoder rows the norm 1, where training keeps them there."""
        if self.unit_rows:
            self.W_dec.div_(torch.linalg.vector_norm(self.W_dec, dim=1, keepdim=True).clamp_min(1e-12))

    # Leaving the trainer

    def exported(self) -> "SparseDictionary":
        """The dictionary that is kept: another where codes of training depend on more than the token."""
        return self

    def tensors(self) -> dict[str, Tensor]:
        """The weights as SAELens names and shapes them."""
        found = {"W_enc": self.W_enc, "W_dec": self.W_dec, "b_dec": self.b_dec}
        found |= {name: getattr(self, name) for name in self.per_feature}
        return {name: t.detach() for name, t in found.items()} | (
            {} if self.W_skip is None else {"W_skip": self.W_skip.detach()}
        )

    def with_rows(self, of: Callable[[Tensor], Tensor]) -> Self:
        """The dictionary of other features: `of` turns a tensor with a row for each feature into that of the others."""
        rows = {name: of(getattr(self, name).detach()) for name in self.by_rows}
        return type(self)(self.tensors() | rows | {"W_enc": rows["encoder_FD"].T}, self.config)

    def slope(self, bias: str) -> Tensor | float:
        """By how much more than `pre` the pre-activation of a bias grows with the input."""
        return 1.0

    def unshifted(self, tensors: Mapping[str, Tensor], centre_D: Tensor) -> dict[str, Tensor]:
        """The biases that make it unnecessary to subtract `centre` from what `W_enc` reads."""
        shift_F = centre_D @ tensors["W_enc"]
        return {name: tensors[name] - shift_F * self.slope(name) for name in self.biases}

    @torch.no_grad()
    def folded(self, *scalings: Normalization) -> Self:
        """The same dictionary for raw activations: `folded(s)(x) == s.undo(self(s.apply(x)))`, with decoder rows of
        norm 1. Where another site is written, its scaling is the second."""
        scaling, out = scalings[0], scalings[-1]
        tensors = self.tensors()
        if self.crosses:
            tensors |= self.unshifted(tensors | {"W_enc": tensors["W_enc"] * scaling.scale}, scaling.mean_D)
            tensors["W_enc"] = tensors["W_enc"] * (scaling.scale / out.scale)
        for name in (*self.biases, *self.levels):
            tensors[name] = tensors[name] / out.scale
        tensors["b_dec"] = tensors["b_dec"] / out.scale + out.mean_D.to(self.b_dec)
        if "W_skip" in tensors:
            tensors["W_skip"] = tensors["W_skip"] * (scaling.scale / out.scale)
            tensors["b_dec"] = tensors["b_dec"] - tensors["W_skip"] @ scaling.mean_D.to(self.b_dec)
        made = type(self)(tensors, self.config)
        return made if self.unit_rows else made.with_unit_rows()

    @torch.no_grad()
    def with_unit_rows(self) -> Self:
        """The same dictionary with decoder rows of norm 1: activations are multiplied by what the norms were."""
        tensors = self.tensors()
        norm_F = torch.linalg.vector_norm(tensors["W_dec"], dim=1).clamp_min(1e-12)
        tensors |= {"W_enc": tensors["W_enc"] * norm_F, "W_dec": tensors["W_dec"] / norm_F[:, None]}
        tensors |= {name: tensors[name] * norm_F for name in (*self.biases, *self.levels)}
        return type(self)(tensors, self.config)


def _directions(n: int, width: int, chance: torch.Generator) -> Tensor:
    return torch.nn.functional.normalize(torch.randn(n, width, generator=chance), dim=1)
