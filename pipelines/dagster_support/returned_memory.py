"""Memory that a stage freed goes back to the system before the next one begins, where both run in one process."""

import ctypes
import gc
import os
import sys
from pathlib import Path

WORTH_IT = 64 << 20
"""Bytes by which a process has grown since it last gave back: to look at all its objects takes a third of a second, and
a chain of small stages would spend most of its time so."""
_held_before = 0


def return_free_memory() -> None:
    """Collects what nobody holds, and has the allocators of C and of Arrow give back what they keep for later."""
    global _held_before
    if (held := _held()) - _held_before < WORTH_IT:
        _held_before = min(held, _held_before)
        return
    gc.collect()
    if (arrow := sys.modules.get("pyarrow")) is not None:
        arrow.default_memory_pool().release_unused()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)
    _held_before = _held()


def _held() -> int:
    """Bytes of this process in memory; where the system does not tell, as many as are always worth it."""
    pages = Path("/proc/self/statm")
    return int(pages.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") if pages.exists() else _held_before + WORTH_IT
