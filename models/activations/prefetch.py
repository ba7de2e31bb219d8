"""Batches read ahead by a thread, so that a GPU waits neither for the disk nor for the copy into its memory.

On CUDA a batch goes through pinned memory and is copied on a stream of its own, beside the step before it.

Axes: T tokens, D width.
"""

import threading
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from queue import SimpleQueue

import torch
from torch import Tensor

PREFETCH_DEPTH = 2
"""Batches that are read or being read beyond the one in use."""


@dataclass(frozen=True, slots=True)
class _Failed:
    error: BaseException


class _End:
    pass


_Message = tuple[Tensor, torch.cuda.Event | None] | _Failed | _End


def read_ahead(
    batches: Iterator[Tensor], device: torch.device, ahead: int = PREFETCH_DEPTH
) -> Generator[Tensor, None, None]:
    """The same batches in the same order, on the device.

    The thread begins with the first batch that is asked for, and has ended when the last was given, when an error was
    raised, or when this iterator is closed: close it.

    Args:
        batches: On the CPU. Nobody else may read from it any more.

    Raises:
        Exception: What `batches` raises, after the batches that came before.
    """
    stream = torch.cuda.Stream(device) if device.type == "cuda" else None
    messages: SimpleQueue[_Message] = SimpleQueue()
    room, left = threading.Semaphore(ahead), threading.Event()
    thread = threading.Thread(
        target=_read, args=(batches, device, stream, messages, room, left), name="read-ahead", daemon=True
    )
    thread.start()
    try:
        while not isinstance(message := messages.get(), _End):
            if isinstance(message, _Failed):
                raise message.error
            rows_TD, copied = message
            room.release()
            if copied is not None:
                own = torch.cuda.current_stream(device)
                own.wait_event(copied)
                rows_TD.record_stream(own)
            yield rows_TD
    finally:
        left.set()
        room.release()
        thread.join()


def _read(
    batches: Iterator[Tensor],
    device: torch.device,
    stream: torch.cuda.Stream | None,
    messages: SimpleQueue[_Message],
    room: threading.Semaphore,
    left: threading.Event,
) -> None:
    try:
        while room.acquire() and not left.is_set():
            rows_TD = next(batches, None)
            if rows_TD is None:
                messages.put(_End())
                return
            messages.put(_sent(rows_TD, device, stream))
    except BaseException as error:  # whatever it is, the one that waits must hear of it
        messages.put(_Failed(error))


def _sent(
    rows_TD: Tensor, device: torch.device, stream: torch.cuda.Stream | None
) -> tuple[Tensor, torch.cuda.Event | None]:
    """On the device, and what to wait for before it is read."""
    if stream is None:
        return rows_TD.to(device), None
    with torch.cuda.stream(stream):
        on_device_TD = rows_TD.pin_memory().to(device, non_blocking=True)
    copied = torch.cuda.Event()
    copied.record(stream)
    return on_device_TD, copied
