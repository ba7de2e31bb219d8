"""Who trains: this process, several of this machine, or this one as one of several of a launch."""

import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import torch

    from models.activations.shuffled_stream import ShuffledActivations
    from models.training.trainer import TrainedDictionary, TrainingJob


class Trainer(Protocol):
    """Trains dictionaries on one reading of the activations: in this process, in some of this machine, or as one of
    several of a launch."""

    def __call__(
        self, jobs: "Sequence[TrainingJob]", source: "ShuffledActivations", of: str, /
    ) -> "Iterable[TrainedDictionary]": ...


def trained(jobs: "Sequence[TrainingJob]", source: "ShuffledActivations", of: str) -> "Iterable[TrainedDictionary]":
    """Trains dictionaries on one reading of the activations, in `GLASSHOUSE_TRAINING_PROCESSES` processes (default: one
    for each GPU): the tokens of a batch divided among them or, where a dictionary is too large for one, its
    features."""
    import torch

    from models.device import default_device
    from models.training.distributed.feature_parallel import FeatureParallel
    from models.training.distributed.launcher import launch_training
    from models.training.trainer import train_many

    device = default_device()
    n = int(os.environ.get("GLASSHOUSE_TRAINING_PROCESSES") or max(1, torch.cuda.device_count()))
    if n == 1:
        return train_many(jobs, source, device, of)
    divided = {"divided": FeatureParallel} if is_beyond(jobs, source, device) else {}
    return launch_training(jobs, source, n, of, "cuda" if device.type == "cuda" else "cpu", **divided)


def trained_here(
    jobs: "Sequence[TrainingJob]", source: "ShuffledActivations", of: str
) -> "Iterable[TrainedDictionary]":
    """The same by this process alone, on its own device, whatever else the machine has."""
    from models.device import default_device
    from models.training.trainer import train_many

    return train_many(jobs, source, default_device(), of)


def trained_together(rank: int, size: int) -> Trainer:
    """The same as one of the processes of a launch, which meet where the environment says (MASTER_ADDR); what comes out
    is whole in the first."""

    def together(jobs: "Sequence[TrainingJob]", source: "ShuffledActivations", of: str, /):
        import torch

        from models.device import default_device
        from models.training.distributed.data_parallel import ENVIRONMENT, DataParallel, joined_process_group
        from models.training.distributed.feature_parallel import FeatureParallel
        from models.training.trainer import train_many

        device = default_device()
        with joined_process_group(rank, size, ENVIRONMENT, "cuda" if device.type == "cuda" else "cpu"):
            beyond = DataParallel().sum(torch.tensor(float(is_beyond(jobs, source, device))))  # all decide alike
            divided = FeatureParallel if beyond > 0 else DataParallel
            return list(train_many(jobs, source, device, of, divided()))

    return together


def is_beyond(jobs: "Sequence[TrainingJob]", source: "ShuffledActivations", device: "torch.device") -> bool:
    """Whether what is trained is too large for one device: its features are then divided, not the tokens."""
    from models.training.memory_estimate import free_bytes, training_bytes

    widths = [[source.widths[site] for site in job.sites] or source.widths for job in jobs]
    size = sum(training_bytes(job.sae, own) for job, own in zip(jobs, widths, strict=True))
    return size > free_bytes(device)
