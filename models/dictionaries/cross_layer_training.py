"""Cross-layer transcoder in training: features of each block that write this block's MLP and all later ones.

Lindsey et al. 2025, "Circuit Tracing: Revealing Computational Graphs in Language Models".

Axes: T tokens, D widths read side by side, E widths written side by side, F features of all blocks, L blocks.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from models.dictionaries.architectures.batchtopk import BatchTopKSAE
from models.dictionaries.architectures.cross_layer_transcoder import TO, CrossLayerSlice
from models.dictionaries.architectures.jumprelu import JumpReLUSAE
from models.dictionaries.auxk_loss import auxk_loss
from models.dictionaries.config import SAESettings
from models.dictionaries.loss_terms import LossTerms, StepContext, TrainingCodes
from models.dictionaries.normalization import Normalization
from models.dictionaries.trainable import TrainableModule
from models.sparse.codes import SparseCodes
from models.sparse.process_group import SINGLE_PROCESS, ProcessGroup

Block = JumpReLUSAE | BatchTopKSAE
BLOCKS: dict[str, type[Block]] = {kind.architecture: kind for kind in (JumpReLUSAE, BatchTopKSAE)}
"""By `sae.activation`."""


class CrossLayerTranscoder(TrainableModule):
    """One encoder a block, and a decoder from each block to itself and each later one.

    codes^l = as a JumpReLU or BatchTopK dictionary codes x^l;  y_hat^m = sum over l <= m of codes^l @ W_dec^lm + b^m

    loss = sum over m of |y^m - y_hat^m|^2 / |y^m - mean|^2 + sum over l of penalty^l / |y^l - mean|^2 + aux / 32

    The decoders of a feature lie side by side in one row of norm 1, so that a slot costs one gather however many blocks
    it writes. At first a feature writes its own block alone, so that each block learns what it does itself before
    earlier ones say it for it: fewer features of later blocks die (docs/log.md). The target L0 is each block's own.
    AuxK: a block's dead features explain what is left in all that they write.
    """

    def __init__(
        self, blocks: Sequence[Block], b_dec: Tensor, widths: Sequence[int], scalings: Sequence[Normalization] = ()
    ) -> None:
        """`widths` are those of the sites that are written."""
        super().__init__()
        self.blocks = nn.ModuleList(blocks)
        self.b_dec = nn.Parameter(b_dec)
        self.widths, self.scalings = tuple(widths), tuple(scalings)
        self.starts = [sum(self.widths[:m]) for m in range(len(self.widths))]
        self.n_features = sum(block.n_features for block in blocks)
        for block in blocks:
            block.b_dec.requires_grad_(False)  # what is written has one bias, which is the set's

    @classmethod
    def build(cls, settings: SAESettings, read: Sequence[int], written: Sequence[int], chance: torch.Generator) -> Self:
        kind = BLOCKS[settings.activation]
        own = {"architecture": settings.activation, "activation": "batchtopk"}
        asked = settings.model_copy(update=own | {"sparsity_penalty": "tanh"})
        blocks = [kind.build(asked, width, chance, sum(written[number:])) for number, width in enumerate(read)]
        for number, block in enumerate(blocks):
            _write_own_site(block, written[number])
        return cls(blocks, torch.zeros(sum(written)), written)

    @property
    def of_blocks(self) -> list[Block]:
        return list(self.blocks)  # type: ignore[arg-type]

    @property
    def widths_read(self) -> list[int]:
        return [block.d_in for block in self.of_blocks]

    @property
    def n_sites_read(self) -> int:
        return len(self.blocks)

    @property
    def widths_written(self) -> tuple[int, ...]:
        return self.widths

    @property
    def width_of_rows(self) -> int:
        return self.of_blocks[0].d_in

    @property
    def mean_density(self) -> float:
        return self.of_blocks[0].mean_density

    @property
    def by_rows(self) -> tuple[str, ...]:
        return tuple(f"blocks.{number}.{name}" for number, block in enumerate(self.of_blocks) for name in block.by_rows)

    def with_rows(self, of: Callable[[Tensor], Tensor]) -> Self:
        blocks = [block.with_rows(of) for block in self.of_blocks]
        return type(self)(blocks, self.b_dec.detach().clone(), self.widths, self.scalings)

    # Training

    def meet(self, x_TD: Tensor, process_group: ProcessGroup = SINGLE_PROCESS) -> None:
        for block, x in zip(self.of_blocks, x_TD.split(self.widths_read, dim=1), strict=True):
            block.meet(x, process_group)

    def loss(self, x_TD: Tensor, y_TE: Tensor, context: StepContext) -> LossTerms:
        group, x_of_L = context.process_group, x_TD.split(self.widths_read, dim=1)
        of_L = [replace(context, dead_F=dead_F) for dead_F in context.dead_F.chunk(len(self.blocks))]
        codes_L = [block.training_codes(x, c) for block, x, c in zip(self.of_blocks, x_of_L, of_L, strict=True)]
        error_TE = y_TE - self._written(codes_L, group)
        spread_L = self._spreads(y_TE, group)
        each_E = torch.cat([(1 / spread).expand(width) for spread, width in zip(spread_L, self.widths, strict=True)])
        squared = group.share * (error_TE.square().sum(0) * each_E).sum()
        penalty = sum(codes.penalty / spread for codes, spread in zip(codes_L, spread_L, strict=True))
        left_TE = error_TE.detach()
        aux_loss = sum(
            (self._aux_loss(number, x, left_TE, of) for number, (x, of) in enumerate(zip(x_of_L, of_L, strict=True))),
            left_TE.new_zeros(()),
        )
        firings_F = torch.cat([codes.entries.firings(codes.acts_M.detach()) for codes in codes_L])
        loss = squared + penalty + context.aux_coefficient * aux_loss
        return LossTerms(loss, aux_loss.detach(), left_TE, firings_F)

    def _written(self, codes_L: Sequence[TrainingCodes], group: ProcessGroup) -> Tensor:
        """What all blocks write, side by side, with the bias."""
        parts = [
            codes.entries.combine(codes.acts_M, block.W_dec)
            for codes, block in zip(codes_L, self.of_blocks, strict=True)
        ]
        return group.over_features(_SumOfTails.apply(*parts)) + self.b_dec

    def _spreads(self, y_TE: Tensor, group: ProcessGroup) -> list[Tensor]:
        """As `ProcessGroup.spread`, of each site that is written."""
        mean_E = group.over_tokens(y_TE.sum(0)) / group.tokens(y_TE)
        spread_E = group.over_tokens((y_TE - mean_E).square().sum(0))
        return [part.sum() for part in spread_E.split(self.widths)]

    def _aux_loss(self, block: int, x_TD: Tensor, error_TE: Tensor, context: StepContext) -> Tensor:
        of, left_TE = self.of_blocks[block], error_TE[:, self.starts[block] :]
        weights = (of.encoder_FD, of.dead_bias_F, of.W_dec)
        return auxk_loss(x_TD, left_TE, context.dead_F, *weights, of.k, context.process_group)

    def before_step(self) -> None:
        for block in self.of_blocks:
            block.before_step()

    @torch.no_grad()
    def after_step(self, terms: LossTerms, context: StepContext) -> None:
        for block in self.of_blocks:
            block.after_step(terms, context)

    # Leaving the trainer

    def folded(self, *scalings: Normalization) -> Self:
        """Remembers the scalings, which `slices` folds into the weights: until then codes may depend on the batch."""
        return type(self)(self.of_blocks, self.b_dec.detach(), self.widths, scalings)

    @torch.no_grad()
    def apply_scalings(self, rows_TD: Tensor) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
        """What is read and what is to be written of raw rows, site by site, as training has them."""
        parts = rows_TD.split([*self.widths_read, *self.widths], dim=1)
        scaled = tuple(s.apply(part) for s, part in zip(self.scalings, parts, strict=True))
        return scaled[: self.n_sites_read], scaled[self.n_sites_read :]

    @torch.no_grad()
    def decode(self, codes_L: Sequence[SparseCodes]) -> Tensor:
        """What all blocks write for these codes, side by side, as training has it."""
        parts = []
        for codes, block in zip(codes_L, self.of_blocks, strict=True):
            slots, acts_M = codes.slots()
            parts.append(slots.combine(acts_M, block.W_dec))
        return _SumOfTails.apply(*parts) + self.b_dec  # type: ignore[operator]

    @torch.no_grad()
    def slices(self, layers: Sequence[int]) -> list[CrossLayerSlice]:
        """A dictionary for raw activations of each block, which are called so; not yet calibrated."""
        biases = [
            s.undo(b) for s, b in zip(self.scalings[self.n_sites_read :], self.b_dec.split(self.widths), strict=True)
        ]
        return [self._slice(number, layers, bias) for number, bias in enumerate(biases)]

    def _slice(self, block: int, layers: Sequence[int], bias: Tensor) -> CrossLayerSlice:
        read, written = self.scalings[block], self.scalings[self.n_sites_read + block :]
        coder = self.of_blocks[block].exported()
        tensors: dict[str, Tensor] = coder.tensors()
        tensors["W_enc"] = tensors["W_enc"] * read.scale
        tensors |= coder.unshifted(tensors, read.mean_D.to(bias.device))
        widths = self.widths[block:]
        each_E = torch.cat([torch.full((width,), 1 / s.scale) for s, width in zip(written, widths, strict=True)])
        tensors["W_dec"] = tensors["W_dec"] * each_E.to(bias.device)
        tensors = type(coder)(tensors, coder.config).with_unit_rows().tensors()
        own, *later = tensors["W_dec"].split(widths, dim=1)
        tensors |= {"W_dec": own.contiguous(), "b_dec": bias}
        tensors |= {f"{TO}{layer}": rows.contiguous() for layer, rows in zip(layers[block + 1 :], later, strict=True)}
        return CrossLayerSlice(tensors, {"k": coder.config["k"]})


@torch.no_grad()
def _write_own_site(block: Block, width: int) -> None:
    """Decoder rows of norm 1 that write nothing but the first site."""
    own = torch.nn.functional.normalize(block.W_dec[:, :width], dim=1)
    block.W_dec.zero_()[:, :width] = own


class _SumOfTails(torch.autograd.Function):
    """The first part plus parts that are narrower, all ending at the same column."""

    @staticmethod
    def forward(ctx: Any, *parts_TE: Tensor) -> Tensor:
        ctx.widths = [part.shape[1] for part in parts_TE]
        total_TE = parts_TE[0].clone()
        for part in parts_TE[1:]:
            total_TE[:, -part.shape[1] :] += part
        return total_TE

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, ...]:
        return tuple(gradients[0][:, -width:] for width in ctx.widths)
