"""Memory that a stage freed goes back to the system before the next one begins, where both run in one process."""

import gc
import os
from pathlib import Path

from models.freed_memory import return_freed_memory

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
    return_freed_memory()
    _held_before = _held()


def _held() -> int:
    """Bytes of this process in memory; where the system does not tell, as many as are always worth it."""
    pages = Path("/proc/self/statm")
    return int(pages.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") if pages.exists() else _held_before + WORTH_IT
