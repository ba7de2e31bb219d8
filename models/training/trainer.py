"""Trains dictionaries of any architecture on a stream of activations: one, or many on the same reading of it.

A run is a pure function of settings and source: chance enters through the seed alone (initial weights, order of the
tokens), so that a run that continues from a checkpoint ends bit for bit where an uninterrupted one does, on a CPU, and
one that shares its reading with others ends where it would alone. A checkpoint is one file, published whole: stopping
the process at any moment, by any signal, loses what came after it.

Axes: T tokens, D width, F features.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import cache
from itertools import islice

import torch
from torch import Tensor

from models.activations.prefetch import read_ahead
from models.activations.shuffled_stream import ActivationSource
from models.dictionaries.base import SparseDictionary
from models.dictionaries.config import SAESettings
from models.dictionaries.normalization import Normalization, fit_normalization
from models.dictionaries.registry import architecture
from models.dictionaries.trainable import TrainableModule
from models.sparse.process_group import SINGLE_PROCESS, ProcessGroup
from models.training.checkpoint import TrainingCheckpoint
from models.training.config import TrainingSettings
from models.training.curve import CurvePoint
from models.training.memory_estimate import require_memory, sites_by_use
from models.training.run import TrainingRun, scalings_of
from models.training.schedule import TrainingSchedule
from storage.folder import Folder
from storage.manifest import sha256_of


class Diverged(ValueError):
    """The loss is no longer a number. Lower the learning rate, or look at the activations."""


@dataclass(frozen=True, slots=True)
class TrainedDictionary:
    """A dictionary for raw activations, or several that learned together, and how they came about."""

    learned: TrainableModule
    curves: tuple[tuple[CurvePoint, ...], ...]
    """Of each dictionary."""
    n_tokens: int
    density_F: Tensor
    """Fraction of the tokens of the last fifth of the run on which each feature fired, of all dictionaries."""
    scaling: Normalization
    """Of the site that is read first."""

    @property
    def sae(self) -> SparseDictionary:
        """The dictionary, where it learned alone."""
        assert isinstance(self.learned, SparseDictionary)
        return self.learned

    @property
    def curve(self) -> tuple[CurvePoint, ...]:
        """Of the first dictionary."""
        return self.curves[0]


@dataclass(frozen=True, slots=True)
class TrainingJob:
    """One dictionary to be trained, and where it may leave its state."""

    sae: SAESettings
    training: TrainingSettings
    checkpoints: Folder
    """A checkpoint of other settings, source or identity is not used, and is replaced by the first of this run."""
    log: Callable[[CurvePoint], None]
    """Called with each new row of the curve; rows before a checkpoint are not repeated."""
    name: str = "the dictionary"
    """For messages."""
    sites: tuple[int, ...] = ()
    """Which of the source's sites it reads and writes, in this order; none for all."""


class _JobState:
    """A job under way: its run, its checkpoints and its log."""

    def __init__(
        self, job: TrainingJob, source: ActivationSource, device: torch.device, process_group: ProcessGroup, of: str
    ) -> None:
        self.job, self.source, self.process_group = job, source, process_group
        self.sites = job.sites or tuple(range(len(source.widths)))
        asked = {"sae": job.sae.model_dump(), "training": job.training.model_dump(), "sites": self.sites}
        self.identity = sha256_of(asked | {"widths": source.widths, "tokens": source.n_tokens, "of": of})
        found = TrainingCheckpoint.latest(job.checkpoints)
        self.checkpoint = found if found is not None and found.facts["identity"] == self.identity else None
        self.run: TrainingRun
        self.device = device

    def begin(self, scalings: Callable[[], list[Normalization]]) -> None:
        """At the first step, or where the checkpoint left off."""
        if self.process_group.rank == 0:
            self.job.checkpoints.sweep()
        job, chance = self.job, torch.Generator().manual_seed(self.job.training.seed)
        read, written = sites_by_use(job.sae, self.widths)
        whole = architecture(job.sae.architecture).trainable(job.sae, read, written, chance)
        sae = whole.with_rows(self.process_group.mine)
        own = scalings_of(self.checkpoint) if self.checkpoint else [scalings()[site] for site in self.sites]
        plan = TrainingSchedule.of(job.training, whole.width_of_rows, self.device, whole.mean_density)
        self.run = TrainingRun(sae, own, plan, self.device, self.process_group)
        if self.checkpoint is not None:
            self.run.restore(self.checkpoint)

    @property
    def widths(self) -> list[int]:
        return [self.source.widths[site] for site in self.sites]

    def advance(self, rows_TD: Tensor) -> None:
        run, plan = self.run, self.run.plan
        loss = run.advance(self._own(rows_TD))
        if not math.isfinite(loss):
            raise Diverged(self._diverged(loss))
        if run.done or run.step % plan.per_row == 0:
            row = run.row()
            self.job.log(row)
        if run.done or run.step % plan.per_checkpoint == 0:
            self.checkpoint = run.checkpoint(self.identity)
            if self.process_group.rank == 0:
                self.checkpoint.write(self.job.checkpoints)

    def _own(self, rows_TD: Tensor) -> Tensor:
        if self.sites == tuple(range(len(self.source.widths))):
            return rows_TD
        parts = rows_TD.split(self.source.widths, dim=1)
        return torch.cat([parts[site] for site in self.sites], dim=1)

    def _diverged(self, loss: float) -> str:
        plan, step = self.run.plan, self.run.step
        kept = "there is no checkpoint yet"
        if self.checkpoint:
            kept = f"the last good checkpoint is {self.job.checkpoints}/{self.checkpoint.name}"
        return (
            f"loss of {self.job.name} is {loss} at step {step} of {plan.n_steps} ({step * plan.batch_tokens:,} tokens, "
            f"learning rate {plan.rate(step):.2g}); {kept}: lower training.learning_rate, or look at the activations"
        )

    def trained(self) -> TrainedDictionary:
        run, plan = self.run, self.run.plan
        counted = (plan.n_steps - plan.decay) * plan.batch_tokens
        learned, firings_F = run.trained()
        density_F = firings_F.double().cpu() / max(counted, 1)
        curves = tuple(map(tuple, run.curves))
        return TrainedDictionary(learned, curves, run.step * plan.batch_tokens, density_F, run.scalings[0])


def train_many(
    jobs: Sequence[TrainingJob],
    source: ActivationSource,
    device: torch.device | str = "cpu",
    identity: str = "",
    process_group: ProcessGroup = SINGLE_PROCESS,
) -> Iterator[TrainedDictionary]:
    """Trains several dictionaries on one reading of the activations, each from the last checkpoint of its own run.

    Jobs of the same batch and seed see the same batches at the same time; others are read for by themselves, later.

    Args:
        identity: What the activations came from; a checkpoint counts only under the same.
        process_group: The processes that share the work; in all of them the same is asked for. The first writes
            checkpoints.

    Yields:
        Each job's dictionary in raw units (centring and scale folded in) and the whole curve, in the order of the jobs.
        Where features are divided, the first process gets all of them, the others their own.

    Raises:
        Diverged: If a loss is NaN or Inf, naming the job, the step and the last good checkpoint.
        ValueError: If the source is empty, constant, not finite or of another width than it says; if a checkpoint is
            damaged; if the dictionaries do not fit into memory together, before any of them is begun.
    """
    device = torch.device(device)
    copies = process_group.token_parts if device.type == "cpu" else process_group.share
    courses = [_JobState(job, source, device, process_group, identity) for job in jobs]
    require_memory([(course.job.sae, course.widths) for course in courses], device, copies)
    scalings = cache(lambda: fit_normalization(source.chunks(), *source.widths))
    for course in courses:
        course.begin(scalings)
    for batch, seed in dict.fromkeys((job.training.batch_tokens, job.training.seed) for job in jobs):
        _advance(
            [c for c in courses if (c.job.training.batch_tokens, c.job.training.seed) == (batch, seed)], process_group
        )
    return (course.trained() for course in courses)


def _advance(courses: Sequence[_JobState], process_group: ProcessGroup) -> None:
    """To their ends, together: a course that is ahead waits for the others."""
    first, last = min(c.run.step for c in courses), max(c.run.plan.n_steps for c in courses)
    settings = courses[0].job.training
    whole = islice(courses[0].source.batches(settings.batch_tokens, settings.seed, first), last - first)
    batches = map(process_group.part, whole)
    with ExitStack() as stack:
        if courses[0].device.type == "cuda":
            batches = stack.enter_context(closing(read_ahead(batches, courses[0].device)))
        for step, rows_TD in zip(range(first, last), batches, strict=False):
            for course in courses:
                if course.run.step == step and not course.run.done:
                    course.advance(rows_TD)


def train(
    sae: SAESettings,
    training: TrainingSettings,
    source: ActivationSource,
    checkpoints: Folder,
    log: Callable[[CurvePoint], None],
    device: torch.device | str = "cpu",
    identity: str = "",
) -> TrainedDictionary:
    """One dictionary, as `train_many` trains it."""
    (trained,) = train_many([TrainingJob(sae, training, checkpoints, log)], source, device, identity)
    return trained
