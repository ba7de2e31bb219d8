"""How far a piece of work has come, for whoever watches."""

from collections.abc import Callable

Progress = Callable[[int, int], None]
"""Called with what is done and what there is in all."""


def no_progress(done: int, total: int) -> None:
    """Progress that nobody watches."""


def offset_progress(progress: Progress, before: int, total: int, done: int, _: int) -> None:
    """Progress of a part, told as that of the whole: `before` was done when the part began."""
    progress(before + done, total)
