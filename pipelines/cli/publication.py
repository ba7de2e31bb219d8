"""The command `glasshouse publish`: the store's tables become the warehouse."""

from typing import Annotated

import typer
from rich.console import Console

from pipelines.cli.instance import dagster_instance
from pipelines.cli.reported_runs import publish_with_progress

console = Console()


def publish(
    allow_drop: Annotated[
        bool, typer.Option("--allow-drop", help="Publish even if most of what is published is no longer in the store.")
    ] = False,
) -> None:
    """Publish the store's tables as the warehouse.

    Every other command that makes tables publishes by itself. A store that is not there is refused.

    Example: glasshouse publish
    """
    from pipelines.store.store import Store

    with dagster_instance() as instance:
        done = publish_with_progress(Store(), instance, allow_drop=allow_drop)
    if not all(done):
        raise SystemExit(1)
    console.print(f"published in {Store().published}", markup=False, highlight=False, soft_wrap=True)
