"""The command `glasshouse migrate`: a store that an older Glasshouse wrote becomes one of this."""

import typer


def migrate() -> None:
    """Bring a store to the layout of this Glasshouse.

    Says what it changes. What is not as it was written is named and left alone, and the command ends with exit code 1.
    It may be said again; a store of the newest layout stays as it is.

    Example: glasshouse migrate
    """
    from pipelines.integrity.migration import migrate_store
    from pipelines.store.store import Store
    from pipelines.store.store_version import LAYOUT

    layout = Store().layout
    reached = migrate_store(layout, typer.echo)
    if reached < LAYOUT:
        typer.echo(f"{layout.root} stays at layout {reached}: mend what is named above (glasshouse verify says how)")
        raise SystemExit(1)
    typer.echo(f"{layout.root} is of layout {reached}")
