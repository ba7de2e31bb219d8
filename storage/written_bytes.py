"""How many bytes this process has published into folders: what a stage wrote is the difference."""

from threading import Lock

_turn = Lock()
_total = 0


def add_written(n_bytes: int) -> None:
    """Counts a file that was written whole."""
    global _total
    with _turn:
        _total += n_bytes


def written_bytes() -> int:
    """Since the process began."""
    return _total
