"""The command `glasshouse health`: how the last run of every stage went, and what somebody on call does about it."""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape

if TYPE_CHECKING:
    from pipelines.store.run_health import RunHealth
    from pipelines.store.stage_records import StageRecord

console = Console()


def health(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line, for machines.")] = False,
    prometheus: Annotated[
        Path | None, typer.Option(help="File to write as metrics, for node_exporter's textfile collector.")
    ] = None,
) -> None:
    """Show how the last run of each stage went.

    Reads the store's records, not the warehouse. Exit code 1 if a stage that a card asks for failed, was stopped or
    killed, or if tables have waited for more than an hour to be published.

    Example: glasshouse health --json
    """
    from pipelines.store.health_metrics import write_metrics
    from pipelines.store.run_health import RunHealth
    from pipelines.store.store import Store

    store = Store()
    if absent := store.layout.absence():
        raise ValueError(absent)
    found = RunHealth.of(store)
    if prometheus is not None:
        write_metrics(found, prometheus)
    if as_json:
        for record in found.records:
            typer.echo(json.dumps(asdict(record)))
    else:
        _show(found)
    late = found.late_publication()
    if late:
        console.print(f"[red]not published[/red] {escape(late)}", highlight=False, soft_wrap=True)
    if found.failures or late:
        raise SystemExit(1)


def _show(found: "RunHealth") -> None:
    from pipelines.store.run_health import failure_sentence
    from sql.query_output import table_lines

    if not found.records:
        console.print("no stage has run in this store yet: glasshouse run")
        return
    names = ["stage", "partition", "last run", "succeeded", "made in", "memory", "written"]
    for line in table_lines(names, [_cells(record) for record in found.records], len(found.records)):
        typer.echo(line)
    for record in found.failures:
        console.print(f"[red]{record.status}[/red] {escape(failure_sentence(record))}", highlight=False, soft_wrap=True)
    if found.forgotten:
        console.print(
            f"{len(found.forgotten)} that failed belong to cards that are gone from this registry, and count no more: "
            "glasshouse gc removes their records",
            soft_wrap=True,
        )


def _cells(record: "StageRecord") -> tuple[str, ...]:
    made = record.made
    return (
        record.stage,
        record.partition,
        record.status,
        _ago(record.succeeded_at) if record.succeeded_at else "never",
        f"{made.seconds:,.1f} s" if made and made.seconds is not None else "",
        f"{made.peak_memory_bytes / 1e9:.2f} GB" if made and made.peak_memory_bytes else "",
        f"{made.written_bytes / 1e6:,.1f} MB" if made else "",
    )


def _ago(time: str) -> str:
    minutes = (datetime.now(UTC).replace(tzinfo=None) - datetime.fromisoformat(time)).total_seconds() / 60
    return f"{minutes:.0f} min ago" if minutes < 120 else f"{minutes / 60:.0f} h ago"
