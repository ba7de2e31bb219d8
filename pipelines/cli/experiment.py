"""`glasshouse experiment`: runs the experiment cards of the registry, or says what they would cost."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pipelines.cli.instance import dagster_instance
from pipelines.cli.reported_runs import publish_with_progress, run_with_progress

if TYPE_CHECKING:
    from pipelines.store.store import Store

console = Console()


def experiment(
    name: Annotated[str | None, typer.Argument(help="Only this experiment_id.")] = None,
    model: Annotated[str | None, typer.Option(help="Only on this model_id.")] = None,
    dry_run: Annotated[bool, typer.Option(help="Print how many passes each would cost, and run none.")] = False,
) -> None:
    """Run the experiment cards of the registry, and publish.

    Runs in this process, with progress bars. A killed run goes on where it was.

    Example: glasshouse experiment code-lens --dry-run
    """
    from pipelines.runs.in_process import selected_experiments, write_experiment_tables
    from pipelines.store.store import Store

    store = Store()
    cards = store.cards()
    for error in cards.errors.values():
        console.print(f"[red]card refused[/red] {escape(error)}", highlight=False)
    keys = selected_experiments(cards, name, model)
    if dry_run:
        _print_costs(store, keys)
        return
    with dagster_instance() as instance:
        ran = [run_with_progress(key, lambda key: [write_experiment_tables(store, key, instance)]) for key in keys]
        ran += publish_with_progress(store, instance) if any(ran) else []
    if not all(ran):
        raise SystemExit(1)
    console.print('Ask: glasshouse sql "select * from experiment"', highlight=False)
    console.print(f"Look: glasshouse serve, then /experiments/{keys[0]}", highlight=False)


def _print_costs(store: "Store", keys: Sequence[str]) -> None:
    from pipelines.experiments.experiment_run import planned_passes

    table = Table("experiment", "method", "prompts", "forward passes", "backward passes")
    for key in keys:
        registration = store.experiment(key)
        plan = planned_passes(store, registration)
        counts = (plan.n_prompts, plan.passes.forward, plan.passes.backward)
        table.add_row(key, registration.card.method, *(f"{count:,}" for count in counts))
    console.print(table)
