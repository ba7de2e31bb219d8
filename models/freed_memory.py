"""Memory that was freed goes back to the system: allocators keep it for later, in pieces that fit less and less."""

import ctypes
import sys


def return_freed_memory() -> None:
    """Has the allocators of C and of Arrow give back what nobody holds: 10 to 50 ms, and as much again to take it
    anew."""
    if (arrow := sys.modules.get("pyarrow")) is not None:
        arrow.default_memory_pool().release_unused()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)
