"""The most memory that this process held while a stage ran."""

import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

_STATUS = Path("/proc/self/status")
_RESET = Path("/proc/self/clear_refs")


def peak_memory() -> Callable[[], int | None]:
    """Begins to watch; what it returns says the most bytes resident since then, None where the system does not tell.

    Where Linux lets no process reset its own mark, the mark is that of the whole process. Processes that a stage starts
    are not counted.
    """
    with suppress(OSError):
        _RESET.write_text("5")
    return _high_water


def peak_gpu_memory() -> Callable[[], int | None]:
    """The same of the GPUs that this process uses; None where it uses none. Loads nothing."""
    if (cuda := _cuda()) is not None:
        for device in range(cuda.device_count()):
            cuda.reset_peak_memory_stats(device)
    return _gpu_high_water


def _high_water() -> int | None:
    if not _STATUS.exists():
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024
    marks = [line.split()[1] for line in _STATUS.read_text().splitlines() if line.startswith("VmHWM:")]
    return int(marks[0]) * 1024 if marks else None


def _gpu_high_water() -> int | None:
    cuda = _cuda()
    if cuda is None:
        return None
    return max((cuda.max_memory_allocated(device) for device in range(cuda.device_count())), default=0)


def _cuda():
    """Of torch, if a stage has used a GPU."""
    torch = sys.modules.get("torch")
    return torch.cuda if torch is not None and torch.cuda.is_initialized() else None
