"""The command `glasshouse publish`: the store's tables become the warehouse."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from pipelines.cli.instance import dagster_instance
from pipelines.cli.reported_runs import print_failed_checks, publish_with_progress

if TYPE_CHECKING:
    from pipelines.store.store import Store

console = Console()


def publish(
    allow_drop: Annotated[
        bool, typer.Option("--allow-drop", help="Publish even if most of what is published is no longer in the store.")
    ] = False,
    lake: Annotated[bool, typer.Option("--lake", help="Publish into the lake of GLASSHOUSE_LAKE instead.")] = False,
) -> None:
    """Publish the store's tables as the warehouse.

    Every other command that makes tables publishes by itself. A store that is not there is refused.

    Example: glasshouse publish
    """
    from pipelines.store.store import Store

    if lake:
        _publish_into_lake(Store())
        return
    with dagster_instance() as instance:
        done = publish_with_progress(Store(), instance, allow_drop=allow_drop)
    if not all(done):
        raise SystemExit(1)
    console.print(f"published in {Store().published}", markup=False, highlight=False, soft_wrap=True)


def _publish_into_lake(store: "Store") -> None:
    from pipelines.store.publication import publish_store_into_lake
    from sql.lake.lake_address import LakeAddress

    done = publish_store_into_lake(store, LakeAddress.of_environment(), console.print)
    print_failed_checks(done.left_out)
    said = f"{len(done.replaced)} partitions replaced, {len(done.dropped)} dropped in {done.seconds:.1f} s"
    console.print(said, markup=False, highlight=False, soft_wrap=True)
