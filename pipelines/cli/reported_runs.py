"""Runs under progress bars, and what the terminal is told of them."""

from collections.abc import Callable, Iterable, Sequence
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
    """Does some work under progress bars; says what failed, and whether nothing did.

    Raises:
        RunStopped: If somebody stopped it, which is said.
    """
    from pipelines.cli.progress_bars import progress_bars
    from pipelines.runs.in_process import RunStopped

    console.print(f"[bold]{name}[/bold]")
    try:
        with progress_bars(console):
            found = work(name)
    except RunStopped as stopped:
        console.print(f"  [yellow]stopped[/yellow] {escape(str(stopped))}", highlight=False, soft_wrap=True)
        raise
    for ran in found:
        for remade in ran.remade:
            console.print(f"  made again {remade}", highlight=False, markup=False, soft_wrap=True)
        print_failed_checks(f"{ran.name}: {check}" for check in ran.failed_checks)
        if ran.error:
            console.print(f"  [red]failed[/red] {ran.name}: {escape(ran.error)}", highlight=False)
    return all(ran.success for ran in found)


def print_failed_checks(findings: Iterable[object]) -> None:
    """A line for each check that failed."""
    for finding in findings:
        console.print(f"  [yellow]check failed[/yellow] {escape(str(finding))}", highlight=False, soft_wrap=True)


def print_notes(notes: Iterable[str]) -> None:
    """A line for each thing that somebody should know and that is no failure."""
    for note in notes:
        console.print(f"  [yellow]note[/yellow] {escape(note)}", highlight=False, soft_wrap=True)
