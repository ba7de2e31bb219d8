"""The commands `glasshouse export pages` and `glasshouse export list`: feature pages as files."""

from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.import_export import feature_ids


def export_pages(
    sae: Annotated[str, typer.Argument(help="The dictionary, as model_id/recipe_id.")],
    features: Annotated[str, typer.Argument(help="Which features, such as 7,12,900.")],
    out: Annotated[Path, typer.Argument(help="A file that ends in .html, or a folder.")],
) -> None:
    """Write feature pages to one .html file or a folder, readable without server or network.

    Example: glasshouse export pages pystdlib/mid-topk 7,12 features.html
    """
    from pipelines.store.store import Store
    from web.static_export import export

    for file in export(Store().published, sae, feature_ids(features), out):
        typer.echo(file)


def export_list_command(
    list_id: Annotated[str, typer.Argument(help="A list of registry/lists, as it was published.")],
    out: Annotated[Path, typer.Argument(help="A file that ends in .html, or a folder.")],
) -> None:
    """Write the pages of a list's features, with its notes, to one .html file or a folder.

    Example: glasshouse export list imports features.html
    """
    from pipelines.store.store import Store
    from web.static_export import export_list

    for file in export_list(Store().published, list_id, out):
        typer.echo(file)
