"""One training run between two of its steps: everything that training changes, and the step that changes it.

Axes: T tokens, D width that is read, E width that is written, F features.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor

from models.dictionaries.loss_terms import LossTerms, StepContext
from models.dictionaries.normalization import Normalization
from models.dictionaries.trainable import TrainableModule
from models.sparse.process_group import SINGLE_PROCESS, ProcessGroup
from models.training.checkpoint import TrainingCheckpoint
from models.training.curve import CurvePoint, CurveWindow
from models.training.schedule import DEAD_AFTER_INTERVALS, TrainingSchedule

CLIP = 1.0
EPSILON = 1e-8
_COUNTS = ("silent_F", "all_firings_F", "firings_F")
_KEPT_OF_PARAMETERS = (("sae", ""), ("adam", ".exp_avg"), ("adam", ".exp_avg_sq"))


class TrainingRun:
    """A dictionary or several that learn together, their optimizer, their schedule and their curves."""

    def __init__(
        self,
        sae: TrainableModule,
        scalings: Sequence[Normalization],
        plan: TrainingSchedule,
        device: torch.device,
        process_group: ProcessGroup = SINGLE_PROCESS,
    ) -> None:
        """`scalings` are those of the sites that are read, then of others that are written."""
        self.sae, self.plan, self.device, self.process_group = sae.to(device), plan, device, process_group
        self.scalings = [scaling.to(device) for scaling in scalings]
        parameters = [p for _, p in self._parameters()]
        self.adam = torch.optim.Adam(parameters, lr=plan.peak, betas=plan.betas, eps=EPSILON, fused=True)
        self.step = 0
        self.silent_F = torch.zeros(sae.n_features, dtype=torch.int64, device=device)
        """Tokens since each feature last fired."""
        self.all_firings_F = torch.zeros_like(self.silent_F)
        self.firings_F = torch.zeros_like(self.silent_F)
        """Firings since the learning rate began to fall."""
        self.curves: list[list[CurvePoint]] = [[] for _ in sae.widths_written]
        """Of each dictionary."""
        self.windows = self._new_windows()

    def _new_windows(self) -> list[CurveWindow]:
        return [CurveWindow(width) for width in self.sae.widths_written]

    def _parameters(self) -> list[tuple[str, torch.nn.Parameter]]:
        """Those that learn."""
        return [(name, p) for name, p in self.sae.named_parameters() if p.requires_grad]

    @property
    def done(self) -> bool:
        return self.step == self.plan.n_steps

    @property
    def dead_F(self) -> Tensor:
        """Features that have been silent for many times the interval at which they fired while they did.

        One window for all takes those that are rare for dead, or waits for the dead as long as for the rare.
        """
        plan, n_tokens = self.plan, self.step * self.plan.batch_tokens
        interval_F = (n_tokens - self.silent_F) / self.all_firings_F.clamp(min=1)
        patience_F = (DEAD_AFTER_INTERVALS * interval_F).clamp(plan.dead_after_tokens, plan.surely_dead_after_tokens)
        return self.silent_F >= patience_F

    def advance(self, rows_TD: Tensor) -> float:
        """One step on raw activations: those of the sites that are read and, beside them, of others that are written.

        Returns:
            The loss; where it is not a number, the weights are as they were.
        """
        x_TD, y_TE = self._scaled(rows_TD.to(self.device))
        if self.step == 0:
            self.sae.meet(x_TD, self.process_group)
        plan = self.plan
        context = StepContext(
            self.step, plan.n_steps, self.dead_F, plan.aux_coefficient, plan.encoder_matmul_dtype, self.process_group
        )
        terms = self.sae.loss(x_TD, y_TE, context)
        total = self.process_group.sum(terms.loss.detach())
        loss = float(total)
        if not math.isfinite(loss):
            return loss
        terms.loss.backward()
        self._share_gradients()
        self.sae.before_step()
        self._clip()
        for group in self.adam.param_groups:
            group["lr"] = plan.rate(self.step)
        self.adam.step()
        self.adam.zero_grad()
        self.sae.after_step(terms, context)
        self._count(y_TE, terms, loss)
        self.step += 1
        return loss

    def _scaled(self, rows_TD: Tensor) -> tuple[Tensor, Tensor]:
        parts = rows_TD.split([len(scaling.mean_D) for scaling in self.scalings], dim=1)
        scaled = [scaling.apply(part) for scaling, part in zip(self.scalings, parts, strict=True)]
        n = self.sae.n_sites_read
        x_TD = _beside(scaled[:n])
        return x_TD, _beside(scaled[n:]) if scaled[n:] else x_TD

    def _share_gradients(self) -> None:
        """A feature is learned about from all tokens, what features have in common from all features too."""
        rows = self.sae.by_rows
        for name, p in self._parameters():
            if p.grad is not None:
                p.grad = self.process_group.over_tokens(p.grad) if name in rows else self.process_group.sum(p.grad)

    def _clip(self) -> None:
        """Shortens the gradient to CLIP where it is longer; elsewhere it is only read, not written."""
        known = {name: p.grad for name, p in self._parameters() if p.grad is not None}
        of_rows = torch.nn.utils.get_total_norm([g for name, g in known.items() if name in self.sae.by_rows])
        of_others = torch.nn.utils.get_total_norm([g for name, g in known.items() if name not in self.sae.by_rows])
        norm = (self.process_group.over_features(of_rows.square()) + of_others.square()).sqrt()
        if norm > CLIP:
            torch.nn.utils.clip_grads_with_norm_(self.sae.parameters(), CLIP, norm)

    def _count(self, y_TE: Tensor, terms: LossTerms, loss: float) -> None:
        firings_F = self.process_group.over_tokens(terms.firings_F)
        self.silent_F.add_(self.plan.batch_tokens).masked_fill_(firings_F > 0, 0)
        self.all_firings_F += firings_F
        if self.step >= self.plan.decay:
            self.firings_F += firings_F
        aux_loss = float(self.process_group.sum(terms.aux_loss))
        widths = self.sae.widths_written
        parts = zip(y_TE.split(widths, 1), terms.error_TE.split(widths, 1), self._by_dictionary(firings_F), strict=True)
        for window, (y, error, firings) in zip(self.windows, parts, strict=True):
            n_firings = int(self.process_group.over_features(firings.sum()))
            window.add(y, error, loss, aux_loss, n_firings, self.process_group)

    def _by_dictionary(self, values_F: Tensor) -> tuple[Tensor, ...]:
        return values_F.chunk(len(self.windows))

    def row(self) -> CurvePoint:
        """Ends the windows.

        Returns:
            A row of the curves, the mean over the dictionaries that learn together.
        """
        tokens, rate = self.step * self.plan.batch_tokens, self.plan.rate(self.step - 1)
        for curve, window, dead_F in zip(self.curves, self.windows, self._by_dictionary(self.dead_F), strict=True):
            n_dead = int(self.process_group.over_features(dead_F.sum()))
            dead_fraction = n_dead / self.process_group.features(len(dead_F))
            curve.append(window.row(self.step, tokens, dead_fraction, rate, self.process_group))
        self.windows = self._new_windows()
        return CurvePoint.mean([curve[-1] for curve in self.curves])

    def _state(self) -> dict[str, Tensor]:
        """What is carried over by name, to be read and to be overwritten in place."""
        held = {f"sae.{name}": t for name, t in self.sae.named_parameters()}
        held |= {f"sae.{name}": t for name, t in self.sae.named_buffers()}
        return held | {name: getattr(self, name) for name in _COUNTS}

    def _by_rows(self) -> set[str]:
        """Names of tensors with a row for each feature, of which this process may have a part."""
        return {f"{of}.{name}{key}" for name in self.sae.by_rows for of, key in _KEPT_OF_PARAMETERS}

    def _of_each(self, of: Callable[[Tensor], Tensor], values_F: Tensor) -> Tensor:
        """A function of what is known of all features, dictionary by dictionary: processes divide each of them."""
        return torch.cat([of(part_F.contiguous()) for part_F in self._by_dictionary(values_F)])

    def checkpoint(self, identity: str) -> TrainingCheckpoint:
        """The whole state, in the first process: any other division of processes may go on with it."""
        tensors = {name: t.detach() for name, t in self._state().items()}
        for name, p in self._parameters():
            tensors |= {f"adam.{name}.{key}": value for key, value in self.adam.state[p].items()}
        tensors |= {name: self.process_group.whole(tensors[name]) for name in sorted(self._by_rows())}
        tensors |= {name: self._of_each(self.process_group.whole, tensors[name]) for name in _COUNTS}
        facts: dict[str, Any] = {"identity": identity, "scales": [s.scale for s in self.scalings]}
        tensors |= {f"mean{number}": s.mean_D for number, s in enumerate(self.scalings)}
        curves = [[asdict(row) for row in curve] for curve in self.curves]
        return TrainingCheckpoint(self.step, tensors, facts | {"curves": curves})

    @torch.no_grad()
    def restore(self, checkpoint: TrainingCheckpoint) -> None:
        by_rows = self._by_rows()
        own = {name: self.process_group.mine(t) if name in by_rows else t for name, t in checkpoint.tensors.items()}
        own |= {name: self._of_each(self.process_group.mine, own[name]) for name in _COUNTS}
        tensors = {name: tensor.to(self.device) for name, tensor in own.items()}
        for name, held in self._state().items():
            held.copy_(tensors[name])
        for name, p in self._parameters():
            self.adam.state[p] = {key: tensors[f"adam.{name}.{key}"] for key in ("step", "exp_avg", "exp_avg_sq")}
        self.curves = [[CurvePoint(**row) for row in curve] for curve in checkpoint.facts["curves"]]
        self.step = checkpoint.step

    @torch.no_grad()
    def trained(self) -> tuple[TrainableModule, Tensor]:
        """What was trained, for raw activations, and each feature's firings; whole in the first process."""
        whole = self.sae.folded(*self.scalings).with_rows(self.process_group.whole)
        device = dict(whole.named_parameters())[whole.by_rows[0]].device
        return whole.requires_grad_(False).to(device), self._of_each(self.process_group.whole, self.firings_F)


def _beside(parts: list[Tensor]) -> Tensor:
    return parts[0] if len(parts) == 1 else torch.cat(parts, dim=1)


def scalings_of(checkpoint: TrainingCheckpoint) -> list[Normalization]:
    """As they were measured before the run began, one for each site."""
    return [Normalization(checkpoint.tensors[f"mean{n}"], scale) for n, scale in enumerate(checkpoint.facts["scales"])]
