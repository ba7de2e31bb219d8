"""The command `glasshouse remove`: a partition leaves the store and the warehouse."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from pipelines.cli.instance import dagster_instance
from pipelines.cli.reported_runs import print_failed_checks, print_notes

if TYPE_CHECKING:
    from pipelines.store.removal import Removal

console = Console()


def remove(
    partitions: Annotated[
        list[str],
        typer.Argument(
            metavar="PARTITION...",
            help="Dictionaries, as model_id/recipe_id; imported graphs, as model_id/experiment_id.",
        ),
    ],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Remove dictionaries, and the experiments on them, or imported graphs from the store and the warehouse.

    Shows what goes and asks. Activations and corpora, which dictionaries share, stay.

    Example: glasshouse remove gpt2-small/res-jb
    """
    from pipelines.store import removal
    from pipelines.store.store import Store

    store = Store()
    with dagster_instance() as instance:
        plan = removal.plan_removal(store, tuple(partitions), instance.get_dynamic_partitions("sae"))
    _show(plan)
    if not yes and not typer.confirm(f"Remove this from {store.layout.root} and {store.published}?"):
        raise SystemExit(1)
    removal.remove_from_store(plan)
    _forget_partitions(plan)
    named = ", ".join(plan.sae_ids)
    try:
        findings = removal.publish_removal(store, plan).findings
    except (ValueError, OSError) as error:
        raise ValueError(
            f"{named}: removed from the store, but the warehouse was not published ({error}). Mend that, then say "
            "`glasshouse publish`, or remove it again"
        ) from error
    print_failed_checks(findings)
    console.print(f"removed {named}, published in {store.published}", markup=False, highlight=False, soft_wrap=True)


def _show(plan: "Removal") -> None:
    table = Table("what", "rows", "MB", "where")
    for part in plan.parts:
        table.add_row(part.name, f"{part.rows:,}", f"{part.n_bytes / 1e6:,.2f}", str(part.folder))
    console.print(table)
    print_notes(
        f"{sae_id} is not in the store: only what is published of it, and its place in Dagster's list, goes"
        for sae_id in plan.absent
    )
    print_notes(plan.claims)


def _forget_partitions(plan: "Removal") -> None:
    """Dagster no longer lists those that no card asks for."""
    with dagster_instance() as instance:
        for sae_id in set(plan.sae_ids) - plan.claimed:
            instance.delete_dynamic_partition("sae", sae_id)
