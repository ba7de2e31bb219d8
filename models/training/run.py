"""One training run between two of its steps: everything that training changes, and the step that changes it.

Axes: T tokens, D width that is read, E width that is written, F features.
"""

import math
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor

from models.dictionaries.base import LossTerms, SparseDictionary, StepContext
from models.dictionaries.normalization import Normalization
from models.sparse.process_group import SINGLE_PROCESS, ProcessGroup
from models.training.checkpoint import TrainingCheckpoint
from models.training.curve import CurvePoint, CurveWindow
from models.training.schedule import TrainingSchedule

CLIP = 1.0
EPSILON = 1e-8
_KEPT_OF_PARAMETERS = (("sae", ""), ("adam", ".exp_avg"), ("adam", ".exp_avg_sq"))


class TrainingRun:
    """A dictionary, its optimizer, its schedule and its curves."""

    def __init__(
        self,
        sae: SparseDictionary,
        read: Normalization,
        plan: TrainingSchedule,
        device: torch.device,
        process_group: ProcessGroup = SINGLE_PROCESS,
        written: Normalization | None = None,
    ) -> None:
        """`read` and `written` are the scalings of the two sites: one and the same for an autoencoder."""
        self.sae, self.plan, self.device, self.process_group = sae.to(device), plan, device, process_group
        self.read = read.to(device)
        self.written = written.to(device) if written else self.read
        self.adam = torch.optim.Adam(self.sae.parameters(), lr=plan.peak, betas=sae.betas, eps=EPSILON, fused=True)
        self.step = 0
        self.silent_F = torch.zeros(sae.n_features, dtype=torch.int64, device=device)
        """Tokens since each feature last fired."""
        self.firings_F = torch.zeros_like(self.silent_F)
        """Firings since the learning rate began to fall."""
        self.curve: list[CurvePoint] = []
        self.window = CurveWindow(sae.d_out)

    @property
    def scalings(self) -> list[Normalization]:
        """One for each site."""
        return [self.read] if self.written is self.read else [self.read, self.written]

    @property
    def done(self) -> bool:
        return self.step == self.plan.n_steps

    @property
    def dead_F(self) -> Tensor:
        return self.silent_F >= self.plan.dead_after_tokens

    def advance(self, rows_TD: Tensor) -> float:
        """One step on raw activations: those of the site that is read and, beside them, of one that is written.

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
        if not self.sae.crosses:
            x_TD = self.read.apply(rows_TD)
            return x_TD, x_TD
        x_TD, y_TE = rows_TD.split([self.sae.d_in, self.sae.d_out], dim=1)
        return self.read.apply(x_TD), self.written.apply(y_TE)

    def _share_gradients(self) -> None:
        """A feature is learned about from all tokens, what features have in common from all features too."""
        rows = self.sae.by_rows
        for name, p in self.sae.named_parameters():
            if p.grad is not None:
                p.grad = self.process_group.over_tokens(p.grad) if name in rows else self.process_group.sum(p.grad)

    def _clip(self) -> None:
        """Shortens the gradient to CLIP where it is longer; elsewhere it is only read, not written."""
        known = {name: p.grad for name, p in self.sae.named_parameters() if p.grad is not None}
        of_rows = torch.nn.utils.get_total_norm([g for name, g in known.items() if name in self.sae.by_rows])
        of_others = torch.nn.utils.get_total_norm([g for name, g in known.items() if name not in self.sae.by_rows])
        norm = (self.process_group.over_features(of_rows.square()) + of_others.square()).sqrt()
        if norm > CLIP:
            torch.nn.utils.clip_grads_with_norm_(self.sae.parameters(), CLIP, norm)

    def _count(self, y_TE: Tensor, terms: LossTerms, loss: float) -> None:
        firings_F = self.process_group.over_tokens(terms.firings_F)
        self.silent_F.add_(self.plan.batch_tokens).masked_fill_(firings_F > 0, 0)
        if self.step >= self.plan.decay:
            self.firings_F += firings_F
        aux_loss = float(self.process_group.sum(terms.aux_loss))
        n_firings = int(self.process_group.over_features(firings_F.sum()))
        self.window.add(y_TE, terms.error_TE, loss, aux_loss, n_firings, self.process_group)

    def row(self) -> CurvePoint:
        """Ends the window."""
        n_dead, n_features = (
            self.process_group.over_features(self.dead_F.sum()),
            self.process_group.features(len(self.dead_F)),
        )
        tokens, rate = self.step * self.plan.batch_tokens, self.plan.rate(self.step - 1)
        row = self.window.row(self.step, tokens, int(n_dead) / n_features, rate, self.process_group)
        self.curve.append(row)
        self.window = CurveWindow(self.sae.d_out)
        return row

    def _state(self) -> dict[str, Tensor]:
        """What is carried over by name, to be read and to be overwritten in place."""
        held = {f"sae.{name}": t for name, t in self.sae.named_parameters()}
        held |= {f"sae.{name}": t for name, t in self.sae.named_buffers()}
        return held | {"silent_F": self.silent_F, "firings_F": self.firings_F}

    def _by_rows(self) -> set[str]:
        """Names of tensors with a row for each feature, of which this process may have a part."""
        kept = {f"{of}.{name}{key}" for name in self.sae.by_rows for of, key in _KEPT_OF_PARAMETERS}
        return kept | {"silent_F", "firings_F"}

    def checkpoint(self, identity: str) -> TrainingCheckpoint:
        """The whole state, in the first process: any other division of processes may go on with it."""
        tensors = {name: t.detach() for name, t in self._state().items()}
        for name, p in self.sae.named_parameters():
            tensors |= {f"adam.{name}.{key}": value for key, value in self.adam.state[p].items()}
        tensors |= {name: self.process_group.whole(tensors[name]) for name in sorted(self._by_rows())}
        facts: dict[str, Any] = {"identity": identity, "scales": [s.scale for s in self.scalings]}
        tensors |= {f"mean{number}": s.mean_D for number, s in enumerate(self.scalings)}
        return TrainingCheckpoint(self.step, tensors, facts | {"curve": [asdict(row) for row in self.curve]})

    @torch.no_grad()
    def restore(self, checkpoint: TrainingCheckpoint) -> None:
        by_rows = self._by_rows()
        own = {name: self.process_group.mine(t) if name in by_rows else t for name, t in checkpoint.tensors.items()}
        tensors = {name: tensor.to(self.device) for name, tensor in own.items()}
        for name, held in self._state().items():
            held.copy_(tensors[name])
        for name, p in self.sae.named_parameters():
            self.adam.state[p] = {key: tensors[f"adam.{name}.{key}"] for key in ("step", "exp_avg", "exp_avg_sq")}
        self.curve = [CurvePoint(**row) for row in checkpoint.facts["curve"]]
        self.step = checkpoint.step

    @torch.no_grad()
    def trained(self) -> tuple[SparseDictionary, Tensor]:
        """The dictionary in raw units and each feature's firings, whole in the first process."""
        whole = self.sae.folded(self.read, self.written).with_rows(self.process_group.whole)
        return whole.requires_grad_(False).to(whole.W_dec.device), self.process_group.whole(self.firings_F)


def scalings_of(checkpoint: TrainingCheckpoint) -> list[Normalization]:
    """As they were measured before the run began, one for each site."""
    return [Normalization(checkpoint.tensors[f"mean{n}"], scale) for n, scale in enumerate(checkpoint.facts["scales"])]
