"""The command `glasshouse gc`: what nothing refers to leaves the store."""

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from pipelines.cli.reported_runs import print_failed_checks, print_notes

console = Console()


def gc(
    delete: Annotated[bool, typer.Option("--delete", help="Delete it, and not only show it.")] = False,
    older_than: Annotated[
        float, typer.Option(help="Hours in which nobody has written to it, here or on another machine.", min=0)
    ] = 1.0,
) -> None:
    """Show what lies in the store and nothing refers to; delete it if told to.

    Kept is what a card asks for, every dictionary that stands in the store with what it was made from, what a run on
    this machine is at work with, and every answer of an LLM. A dictionary itself goes by `glasshouse remove`.

    Example: glasshouse gc --delete
    """
    from pipelines.integrity.collection import collect, plan_collection
    from pipelines.store.store import Store

    store, seconds = Store(), older_than * 3600
    plan, published = collect(store, seconds) if delete else (plan_collection(store, seconds), None)
    if plan.goes:
        table = Table("what", "number", "MB")
        for kind, (n, n_bytes) in plan.by_kind().items():
            table.add_row(kind, f"{n:,}", f"{n_bytes / 1e6:,.2f}")
        console.print(table)
    for each in plan.goes:
        if each.n_bytes:
            _say(f"  {each.place} ({each.kind})")
    print_notes(f"{doubt}: nothing is deleted until this is mended" for doubt in plan.doubts)
    if plan.too_young:
        print_notes([f"{plan.too_young:,} more were written less than {older_than:g} hours ago, and stay"])
    print_failed_checks(published.findings if published else ())
    total = f"{len(plan.goes):,} things, {sum(each.n_bytes for each in plan.goes) / 1e6:,.2f} MB"
    if not plan.goes:
        _say("nothing is unneeded")
    else:
        _say(f"deleted {total}" if delete else f"{total} would go: glasshouse gc --delete")


def _say(line: str) -> None:
    console.print(line, markup=False, highlight=False, soft_wrap=True)
