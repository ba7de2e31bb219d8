"""Runs under progress bars, and what the terminal is told of them."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape

if TYPE_CHECKING:
    import dagster as dg

    from pipelines.runs.in_process import RunResult
    from pipelines.store.store import Store

console = Console()


def publish_with_progress(store: "Store", instance: "dg.DagsterInstance", *, allow_drop: bool = False) -> list[bool]:
    """One publication of all that the store holds."""
    from pipelines.runs.in_process import publish

    return [run_with_progress("published_warehouse", lambda _: [publish(store, instance, allow_drop=allow_drop)])]


def run_with_progress(name: str, work: "Callable[[str], Sequence[RunResult]]") -> bool:
    """Does some work under progress bars; says what failed, and whether nothing did."""
    from pipelines.cli.progress_bars import progress_bars

    console.print(f"[bold]{name}[/bold]")
    with progress_bars(console):
        found = work(name)
    for ran in found:
        for remade in ran.remade:
            console.print(f"  made again {remade}", highlight=False, markup=False, soft_wrap=True)
        for check in ran.failed_checks:
            console.print(f"  [yellow]check failed[/yellow] {ran.name}: {escape(check)}", highlight=False)
        if ran.error:
            console.print(f"  [red]failed[/red] {ran.name}: {escape(ran.error)}", highlight=False)
    return all(ran.success for ran in found)
