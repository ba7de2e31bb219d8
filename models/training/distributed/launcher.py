"""Training in several processes of one machine, one for each GPU or some on its CPU, watched by the one that asked.

The children train; the parent hears of every row of the curves, reads the last checkpoint as the result, and when a
child is lost ends the others: a collective operation would wait for the lost one for half an hour.
"""

import copy
import multiprocessing
import os
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Literal

import torch

from models.activations.shuffled_stream import ActivationSource
from models.training.curve import CurvePoint
from models.training.distributed.data_parallel import DataParallel, PeerLost, joined_process_group
from models.training.trainer import TrainedDictionary, TrainingJob, train_many
from storage.parent_process import end_with_parent

GRACE = 3.0
"""Seconds in which, after a first failure, the others may tell of theirs: the cause may be heard of last."""


class WorkerLost(RuntimeError):
    """A training process is gone without a word. Run again: training goes on from the last checkpoint."""


@dataclass(frozen=True, slots=True)
class _Child:
    rank: int
    process: SpawnProcess
    told: Connection
    """Carries (number of the job, row) and exceptions; ends when the process does."""


@dataclass(frozen=True, slots=True)
class _Work:
    """What every child is told."""

    jobs: Sequence[TrainingJob]
    source: ActivationSource
    identity: str
    kind: Literal["cpu", "cuda"]
    divided: type[DataParallel]


def launch_training(
    jobs: Sequence[TrainingJob],
    source: ActivationSource,
    n_processes: int,
    identity: str = "",
    kind: Literal["cpu", "cuda"] = "cpu",
    divided: type[DataParallel] = DataParallel,
) -> list[TrainedDictionary]:
    """What `train_many` does, divided among processes that this one starts and watches.

    The result differs from that of one process by the order of sums, and where features are divided and products are
    bfloat16 by which of two equal pre-activations is kept. Checkpoints are the same files: a run may be continued with
    another number of processes. Repeated with the same number it is the same bit for bit, on a CPU.

    Args:
        source: Must survive pickling. Every process reads all of it, in the same order.
        kind: Process number i works on GPU number i, or on its part of the CPU's cores.
        divided: `DataParallel` divides each batch; `FeatureParallel` the features, for what is beyond
            one GPU's memory.

    Returns:
        The dictionaries on the CPU, in the order of the jobs.

    Raises:
        WorkerLost: If a process is killed or crashes. The others are ended, and the checkpoint is intact.
        Exception: Whatever `train_many` raises, as it came about in the first process that failed.
    """
    if kind == "cuda" and n_processes > torch.cuda.device_count():
        raise ValueError(
            f"{n_processes} processes want a GPU each, and there are {torch.cuda.device_count()}: start fewer"
        )
    work = _Work([replace(job, log=_unheard) for job in jobs], source, identity, kind, divided)
    children: list[_Child] = []
    with tempfile.TemporaryDirectory(prefix="glasshouse-") as folder:
        try:
            meeting = Path(folder) / "meeting"
            children.extend(_start(rank, n_processes, meeting, work) for rank in range(n_processes))
            _watch(children, jobs)
        finally:
            for child in children:
                child.process.terminate()
            for child in children:
                _end(child)
    return [trained for job in jobs for trained in train_many([job], source, identity=identity)]


def _unheard(row: CurvePoint) -> None:
    pass


def _start(rank: int, size: int, meeting: Path, work: _Work) -> _Child:
    context = multiprocessing.get_context("spawn")
    told, tells = context.Pipe(duplex=False)
    process = context.Process(
        target=_train, args=(rank, size, meeting, work, tells), name=f"training-{rank}", daemon=True
    )
    process.start()
    tells.close()
    return _Child(rank, process, told)


def _end(child: _Child) -> None:
    child.process.join(GRACE)
    child.process.kill()
    child.process.join()
    child.told.close()


# In the parent


def _watch(children: Sequence[_Child], jobs: Sequence[TrainingJob]) -> None:
    """Until all have ended well, or one has not."""
    running = {child.told: child for child in children}
    failed: dict[int, Exception] = {}
    until = None
    while running and not any(not isinstance(error, PeerLost) for error in failed.values()):
        if failed and until is None:
            until = time.monotonic() + GRACE
        heard = wait(list(running), None if until is None else max(0.0, until - time.monotonic()))
        if not heard:
            break
        for told in heard:
            assert isinstance(told, Connection)
            child = running[told]
            try:
                message = told.recv()
            except (EOFError, OSError):
                del running[told]
                child.process.join()
                if child.process.exitcode and child.rank not in failed:
                    failed[child.rank] = _ended(child, len(children), jobs)
                continue
            if isinstance(message, Exception):
                failed[child.rank] = message
            else:
                number, row = message
                jobs[number].log(row)
    if failed:
        raise min(failed.values(), key=lambda error: isinstance(error, PeerLost))


def _ended(child: _Child, size: int, jobs: Sequence[TrainingJob]) -> WorkerLost:
    code = child.process.exitcode or 0
    how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
    kept = [f"{job.checkpoints}/{name}" for job in jobs for name in job.checkpoints.names()[-1:]]
    return WorkerLost(
        f"training process {child.rank} of {size} {how}, and the others were ended too; "
        f"{'the last checkpoint is ' + ', '.join(kept) if kept else 'there is no checkpoint yet'}: run again, and "
        "training goes on from there; if memory ran out, with fewer processes or a smaller batch"
    )


# In a child


def _train(rank: int, size: int, meeting: Path, work: _Work, tells: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; the parent decides
    end_with_parent()
    torch.set_num_threads(max(1, (os.cpu_count() or 1) // size))
    try:
        device = torch.device("cpu")
        if work.kind == "cuda":
            device = torch.device("cuda", rank)
            torch.cuda.set_device(device)
        with joined_process_group(rank, size, meeting, work.kind):
            jobs = [_told(job, number, tells) for number, job in enumerate(work.jobs)] if rank == 0 else work.jobs
            train_many(jobs, work.source, device, work.identity, work.divided())
    except Exception as error:
        error.add_note(f"in training process {rank} of {size}:\n{traceback.format_exc()}")
        tells.send(_portable(error))
        sys.exit(1)


def _portable(error: Exception) -> Exception:
    """The error itself, or one that says the same where its class cannot be made anew from what it remembers."""
    try:
        copy.copy(error)
    except TypeError:
        return RuntimeError("\n".join([f"{type(error).__name__}: {error}", *error.__notes__]))
    return error


def _told(job: TrainingJob, number: int, tells: Connection) -> TrainingJob:
    return replace(job, log=lambda row: tells.send((number, row)))
