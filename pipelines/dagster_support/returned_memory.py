"""Memory that a stage freed goes back to the system before the next one begins, where both run in one process."""

import ctypes
import gc
import sys


def return_free_memory() -> None:
    """Collects what nobody holds, and has the allocators of C and of Arrow give back what they keep for later."""
    gc.collect()
    if (arrow := sys.modules.get("pyarrow")) is not None:
        arrow.default_memory_pool().release_unused()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)
