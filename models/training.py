"""Trains a dictionary of any architecture on a stream of activations: step, schedule, curves, checkpoints.

The run is a pure function of settings and source: chance enters through the seed alone (initial weights, order of the
tokens), so that a run that continues from a checkpoint ends bit for bit where an uninterrupted one does, on a CPU. A
checkpoint is one file, published whole: stopping the process at any moment, by any signal, loses what came after it.

Axes: T tokens, D width, F features.
"""

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass

import torch
from torch import Tensor

from models.checkpoint import Checkpoint
from models.curve import Row, Window
from models.dictionary import Dictionary, Moment, Outcome, architecture
from models.folder import Folder
from models.manifest import sha256_of
from models.plan import Plan
from models.scaling import Scaling, measure
from models.settings import SAESettings, TrainingSettings
from models.shuffle import ActivationSource

CLIP = 1.0
EPSILON = 1e-8


class Diverged(ValueError):
    """The loss is no longer a number. Lower the learning rate, or look at the activations."""


@dataclass(frozen=True, slots=True)
class Trained:
    """A dictionary in raw units and how it came about."""

    sae: Dictionary
    curve: tuple[Row, ...]
    n_tokens: int
    density_F: Tensor
    """Fraction of the tokens of the last fifth of the run on which each feature fired."""
    scaling: Scaling


class Run:
    """Everything that a training changes, between two steps."""

    def __init__(self, sae: Dictionary, scaling: Scaling, plan: Plan, device: torch.device) -> None:
        self.sae, self.scaling, self.plan, self.device = sae.to(device), scaling.to(device), plan, device
        self.adam = torch.optim.Adam(self.sae.parameters(), lr=plan.peak, betas=sae.betas, eps=EPSILON, fused=True)
        self.step = 0
        self.silent_F = torch.zeros(sae.n_features, dtype=torch.int64, device=device)
        """Tokens since each feature last fired."""
        self.firings_F = torch.zeros_like(self.silent_F)
        """Firings since the learning rate began to fall."""
        self.curve: list[Row] = []
        self.window = Window(sae.d_in)

    @property
    def dead_F(self) -> Tensor:
        return self.silent_F >= self.plan.dead_tokens

    def advance(self, x_TD: Tensor) -> float:
        """One step; returns the loss, and leaves the weights as they were where it is not a number."""
        plan, x_TD = self.plan, self.scaling.apply(x_TD.to(self.device))
        moment = Moment(self.step, plan.n_steps, self.dead_F, plan.aux_coefficient, plan.matmul)
        outcome = self.sae.loss(x_TD, moment)
        loss = float(outcome.loss.detach())
        if not math.isfinite(loss):
            return loss
        outcome.loss.backward()
        self.sae.before_step()
        self._clip()
        for group in self.adam.param_groups:
            group["lr"] = plan.rate(self.step)
        self.adam.step()
        self.adam.zero_grad()
        self.sae.after_step()
        self._count(x_TD, outcome)
        self.step += 1
        return loss

    def _clip(self) -> None:
        """Shortens the gradient to CLIP where it is longer; elsewhere it is only read, not written."""
        norm = torch.nn.utils.get_total_norm([p.grad for p in self.sae.parameters() if p.grad is not None])
        if norm > CLIP:
            torch.nn.utils.clip_grads_with_norm_(self.sae.parameters(), CLIP, norm)

    def _count(self, x_TD: Tensor, outcome: Outcome) -> None:
        codes = outcome.codes
        firings_F = torch.bincount(codes.features_TK[codes.acts_TK > 0], minlength=codes.n_features)
        self.silent_F.add_(len(x_TD)).masked_fill_(firings_F > 0, 0)
        if self.step >= self.plan.decay:
            self.firings_F += firings_F
        self.window.add(x_TD, outcome, int(firings_F.sum()))

    def row(self) -> Row:
        """Ends the window."""
        dead_fraction = float(self.dead_F.double().mean())
        row = self.window.row(self.step, self.step * self.plan.batch, dead_fraction, self.plan.rate(self.step - 1))
        self.curve.append(row)
        self.window = Window(self.sae.d_in)
        return row

    def checkpoint(self, identity: str) -> Checkpoint:
        tensors = {f"sae.{name}": p.detach() for name, p in self.sae.named_parameters()}
        for name, p in self.sae.named_parameters():
            tensors |= {f"adam.{name}.{key}": value for key, value in self.adam.state[p].items()}
        tensors |= {"silent_F": self.silent_F, "firings_F": self.firings_F, "mean_D": self.scaling.mean_D}
        facts = {"identity": identity, "scale": self.scaling.scale, "curve": [asdict(row) for row in self.curve]}
        return Checkpoint(self.step, tensors, facts)

    @torch.no_grad()
    def restore(self, checkpoint: Checkpoint) -> None:
        tensors = {name: tensor.to(self.device) for name, tensor in checkpoint.tensors.items()}
        for name, p in self.sae.named_parameters():
            p.copy_(tensors[f"sae.{name}"])
            self.adam.state[p] = {key: tensors[f"adam.{name}.{key}"] for key in ("step", "exp_avg", "exp_avg_sq")}
        self.silent_F, self.firings_F = tensors["silent_F"], tensors["firings_F"]
        self.curve = [Row(**row) for row in checkpoint.facts["curve"]]
        self.step = checkpoint.step

    @torch.no_grad()
    def trained(self) -> Trained:
        counted = (self.plan.n_steps - self.plan.decay) * self.plan.batch
        return Trained(
            self.sae.folded(self.scaling).requires_grad_(False),
            tuple(self.curve),
            self.step * self.plan.batch,
            self.firings_F.double().cpu() / max(counted, 1),
            self.scaling,
        )


def _begun(
    sae_settings: SAESettings,
    settings: TrainingSettings,
    source: ActivationSource,
    checkpoint: Checkpoint | None,
    device: torch.device,
) -> Run:
    """A run at its first step, or where the checkpoint left it."""
    chance = torch.Generator().manual_seed(settings.seed)
    sae = architecture(sae_settings.architecture).build(sae_settings, source.width, chance)
    if checkpoint is None:
        scaling = measure(source.chunks(), source.width)
    else:
        scaling = Scaling(checkpoint.tensors["mean_D"], checkpoint.facts["scale"])
    run = Run(sae, scaling, Plan.of(settings, sae.d_in, device), device)
    if checkpoint is not None:
        run.restore(checkpoint)
    return run


def train(
    sae_settings: SAESettings,
    settings: TrainingSettings,
    source: ActivationSource,
    checkpoints: Folder,
    log: Callable[[Row], None],
    device: torch.device | str = "cpu",
    identity: str = "",
) -> Trained:
    """Trains a dictionary, from the last checkpoint of the same run if there is one.

    Args:
        checkpoints: Where the run may leave its state; a checkpoint of other settings, source or identity is not used,
        and
            is replaced by the first one of this run.
        log: Called with each new row of the curve; rows before a checkpoint are not repeated.
        identity: What the activations came from; a checkpoint counts only under the same.

    Returns:
        The dictionary in raw units (centring and scale folded in), and the whole curve.

    Raises:
        Diverged: If the loss is NaN or Inf, naming the step and the last good checkpoint.
        ValueError: If the source is empty, constant, not finite or of another width than it says; if a checkpoint is
        damaged.
    """
    identity = sha256_of(
        {
            "sae": sae_settings.model_dump(),
            "training": settings.model_dump(),
            "width": source.width,
            "tokens": source.n_tokens,
            "of": identity,
        }
    )
    checkpoint = Checkpoint.latest(checkpoints)
    if checkpoint is not None and checkpoint.facts["identity"] != identity:
        checkpoint = None
    run = _begun(sae_settings, settings, source, checkpoint, torch.device(device))
    plan = run.plan
    for step, x_TD in zip(
        range(run.step, plan.n_steps), source.batches(plan.batch, settings.seed, run.step), strict=False
    ):
        loss = run.advance(x_TD)
        if not math.isfinite(loss):
            kept = (
                f"the last good checkpoint is {checkpoints}/{checkpoint.name}"
                if checkpoint
                else "there is no checkpoint yet"
            )
            raise Diverged(
                f"loss is {loss} at step {step} of {plan.n_steps} ({step * plan.batch:,} tokens, learning rate "
                f"{plan.rate(step):.2g}); {kept}: lower training.learning_rate, or look at the activations"
            )
        last = run.step == plan.n_steps
        if last or run.step % plan.per_row == 0:
            log(run.row())
        if last or run.step % plan.per_checkpoint == 0:
            checkpoint = run.checkpoint(identity)
            checkpoint.write(checkpoints)
    return run.trained()
