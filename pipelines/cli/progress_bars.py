"""Progress bars of an in-process run, one an asset that reports progress, and a line for whom it waits."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from pipelines.dagster_support.pool_wait import wait_listener
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

        def tell(sentence: str) -> None:
            progress.console.print(f"  [yellow]waiting[/yellow] {escape(sentence)}", highlight=False, soft_wrap=True)

        token, waits = terminal_listener.set(show), wait_listener.set(tell)
        try:
            yield
        finally:
            terminal_listener.reset(token)
            wait_listener.reset(waits)
