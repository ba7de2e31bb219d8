"""Progress bars of an in-process run, one an asset that reports progress."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from pipelines.dagster_support.progress import terminal_listener


@contextmanager
def progress_bars(console: Console) -> Iterator[None]:
    """Shows what assets report while the block lasts."""
    columns = (TextColumn("  {task.description:<20}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    tasks: dict[str, TaskID] = {}
    with Progress(*columns, console=console) as progress:

        def show(asset: str, done: int, total: int) -> None:
            if asset not in tasks:
                tasks[asset] = progress.add_task(asset, total=total)
            progress.update(tasks[asset], completed=done, total=total)

        token = terminal_listener.set(show)
        try:
            yield
        finally:
            terminal_listener.reset(token)
