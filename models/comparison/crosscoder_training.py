"""Trains a crosscoder on two sides' activations, and reads both with it.

Axes: T tokens, E width of both sides together, F features, S sides, D width of a side.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from models.activations.held_activations import HeldActivations
from models.comparison.crosscoder import KINDS
from models.dictionaries.normalization import Normalization, fit_normalization
from models.sparse.codes import SparseCodes
from models.sparse.threshold_select import entries_above
from models.training.config import TrainingSettings
from models.training.held_runs import advance_together
from models.training.run import TrainingRun
from models.training.schedule import TrainingSchedule

CALIBRATION = 8192
"""Tokens on which a BatchTopK crosscoder's threshold is chosen."""


@dataclass(frozen=True, slots=True)
class TrainedCrosscoder:
    """Works on scaled activations: each side centred, its mean squared norm its width, so that neither counts more."""

    encoder_FE: Tensor
    b_enc_F: Tensor
    levels_F: Tensor
    """Pre-activations from which features fire."""
    decoder_FE: Tensor
    centre_E: Tensor
    scalings: tuple[Normalization, Normalization]

    @property
    def widths(self) -> tuple[int, int]:
        own, other = (len(scaling.mean_D) for scaling in self.scalings)
        return own, other

    @property
    def n_features(self) -> int:
        return len(self.b_enc_F)

    def scaled(self, x_TE: Tensor) -> Tensor:
        return _scaled(x_TE, self.scalings)

    def encode(self, scaled_TE: Tensor) -> SparseCodes:
        centred_TE = scaled_TE - self.centre_E
        return SparseCodes.of(*entries_above(centred_TE, self.encoder_FE, self.b_enc_F, self.levels_F))

    def decode(self, codes: SparseCodes) -> Tensor:
        slots, acts_M = codes.slots()
        return slots.combine(acts_M, self.decoder_FE) + self.centre_E

    @property
    def decoder_SFD(self) -> tuple[Tensor, Tensor]:
        """Rows of either side."""
        own, other = self.decoder_FE.split(self.widths, dim=1)
        return own, other

    def norms_SF(self) -> Tensor:
        return torch.stack([torch.linalg.vector_norm(side, dim=1) for side in self.decoder_SFD])


def train_crosscoder(
    source: HeldActivations, kind: str, n_features: int, k: int, training: TrainingSettings
) -> TrainedCrosscoder:
    """A crosscoder of the two sides that the source holds side by side.

    Args:
        source: Raw activations of both sides, token by token.
        kind: `batchtopk` or `l1`.
        n_features: Of both together.
        k: Features that fire on a token on average.
        training: How long and how fast.

    Raises:
        Diverged: If a loss is NaN or Inf.
        ValueError: If a side's activations are constant or not finite.
    """
    widths, chance = source.widths, torch.Generator().manual_seed(training.seed)
    own, other = fit_normalization(source.chunks(), *widths)
    module = KINDS[kind].of_widths((widths[0], widths[1]), n_features, k, chance)
    device = source.x_TD.device
    plan = TrainingSchedule.of(training, sum(widths), device, module.mean_density)
    run = TrainingRun(module, [own, other], plan, device)
    advance_together([run], source, training.seed)
    own, other = run.scalings
    trained = module if module.unit_rows else module.with_unit_rows()
    sample_TE = next(source.batches(min(CALIBRATION, source.n_tokens), training.seed + 1)).float()
    with torch.no_grad():
        levels_F = trained.levels_F(_scaled(sample_TE, (own, other)))
    return TrainedCrosscoder(
        trained.encoder_FD.detach(),
        trained.b_enc.detach(),
        levels_F,
        trained.W_dec.detach(),
        trained.b_dec.detach(),
        (own, other),
    )


def _scaled(x_TE: Tensor, scalings: tuple[Normalization, Normalization]) -> Tensor:
    """Each side by its own scaling."""
    parts = zip(x_TE.split([len(scaling.mean_D) for scaling in scalings], dim=1), scalings, strict=True)
    return torch.cat([scaling.apply(part) for part, scaling in parts], dim=1)
