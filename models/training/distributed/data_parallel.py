"""Processes that each learn from a part of every batch and tell each other what they found, by `torch.distributed`.

Axes: T tokens of this process, D width, M values of this process.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import torch
import torch.distributed
from torch import Tensor

from models.sparse.process_group import ProcessGroup

BACKENDS = {"cpu": "gloo", "cuda": "cpu:gloo,cuda:nccl"}
"""A run on GPUs also sums what it counts on the CPU."""
LOOPBACK = "lo0" if sys.platform == "darwin" else "lo"
ENVIRONMENT = "env://"
"""Processes, perhaps of several machines, that whoever started them told of each other: MASTER_ADDR, MASTER_PORT."""


class PeerLost(RuntimeError):
    """Another process no longer answers: look for what ended it."""


class DataParallel(ProcessGroup):
    """Every process has the whole dictionary, with the same weights, and an equal part of each batch."""

    def __init__(self) -> None:
        """Of the processes that have joined."""
        self.rank, self.size = torch.distributed.get_rank(), torch.distributed.get_world_size()
        self.token_parts = self.size

    def sum(self, value: Tensor) -> Tensor:
        total = value.detach().clone(memory_format=torch.contiguous_format)
        with _answered():
            torch.distributed.all_reduce(total)
        return total

    def gathered(self, values_M: Tensor) -> Tensor:
        lengths = [int(n) for n in self._same_length(torch.tensor([len(values_M)], device=values_M.device))]
        padded = values_M.new_zeros(max(lengths))
        padded[: len(values_M)] = values_M.detach()
        return torch.cat([found[:n] for found, n in zip(self._same_length(padded), lengths, strict=True)])

    def _same_length(self, values: Tensor) -> list[Tensor]:
        """Each process's, which all have one shape."""
        found = [torch.empty_like(values) for _ in range(self.size)]
        with _answered():
            torch.distributed.all_gather(found, values.contiguous())
        return found

    def part(self, rows_TD: Tensor) -> Tensor:
        if len(rows_TD) % self.size:
            raise ValueError(
                f"a batch of {len(rows_TD)} tokens cannot be divided equally among {self.size} processes: choose a "
                "multiple"
            )
        return rows_TD.chunk(self.size)[self.rank]

    def over_tokens(self, value: Tensor) -> Tensor:
        return self.sum(value)


@contextmanager
def _answered() -> Iterator[None]:
    """Tells a process that was left by others from one that failed by itself."""
    try:
        yield
    except RuntimeError as error:
        raise PeerLost(f"another process of this training no longer answers ({error})") from error


@contextmanager
def joined_process_group(rank: int, size: int, meeting: Path | str, kind: Literal["cpu", "cuda"]) -> Iterator[None]:
    """While the block lasts this process is one of several, which meet and leave together.

    Args:
        meeting: A file where processes of one machine meet, or ENVIRONMENT.
    """
    if isinstance(meeting, Path) or os.environ.get("MASTER_ADDR") in ("127.0.0.1", "localhost"):
        os.environ.setdefault("GLOO_SOCKET_IFNAME", LOOPBACK)
    where = meeting.absolute().as_uri() if isinstance(meeting, Path) else meeting
    with _answered():
        torch.distributed.init_process_group(BACKENDS[kind], init_method=where, rank=rank, world_size=size)
    yield
    with _answered():
        torch.distributed.all_reduce(torch.zeros(()))
    torch.distributed.destroy_process_group()
