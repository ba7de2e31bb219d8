"""The commands `glasshouse export` and `glasshouse import`: feature dumps and graphs of other tools."""

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from typer.core import TyperCommand

from pipelines.cli.reported_runs import print_failed_checks, print_notes

if TYPE_CHECKING:
    from pipelines.store.store import Store

export_app = typer.Typer(no_args_is_help=True, help="Write features for another tool, or as pages.")
console = Console()

Model = Annotated[str, typer.Option(help="The model_id.")]
Recipe = Annotated[str, typer.Option(help="The recipe_id.")]


@export_app.command("neuronpedia")
def export_neuronpedia(
    model: Model,
    recipe: Recipe,
    out: Annotated[str, typer.Option(help="A folder, or s3://…; {model}/{layer}-{recipe} is made in it.")],
    features: Annotated[str | None, typer.Option(help="Only these features, such as 7,12,900.")] = None,
) -> None:
    """Write JSON lines in the layout of Neuronpedia's public datasets, 1,024 features per file.

    Example: glasshouse export neuronpedia --model pystdlib --recipe mid-topk --out dump --features 7,12
    """
    from pipelines.interchange.import_export import export_dictionary
    from pipelines.store.store import Store

    made = export_dictionary(Store(), model, recipe, "neuronpedia", out, feature_ids(features) if features else None)
    console.print(str(made), markup=False, highlight=False, soft_wrap=True)


@export_app.command("circuit-tracer")
def export_circuit_tracer(
    model: Model,
    recipe: Annotated[str, typer.Option(help="The recipe card of a cross-layer transcoder.")],
    out: Annotated[str, typer.Option(help="A folder, or s3://….")],
) -> None:
    """Write a cross-layer transcoder as circuit-tracer reads it: W_enc_i, W_dec_i, config.yaml.

    Example: glasshouse export circuit-tracer --model pystdlib --recipe across --out clt
    """
    from pipelines.interchange.transcoder_export import export_transcoder
    from pipelines.store.store import Store

    made = export_transcoder(Store(), model, recipe, out)
    console.print(str(made), markup=False, highlight=False, soft_wrap=True)


class ImportCommand(TyperCommand):
    """`glasshouse import`, whose help ends with the formats that are found."""

    def format_epilog(self, ctx: typer.Context, formatter: Any) -> None:
        from models.interchange.dashboards.importer import importer_names, importer_of

        for name in importer_names():
            importer = importer_of(name)
            with formatter.section(f"FORMAT {name}"):
                formatter.write_text(f"FOLDER is {importer.FOLDER}.")
                formatter.write_text(f"Example: glasshouse import {importer.EXAMPLE}")


def import_path(
    path: Annotated[str, typer.Argument(metavar="PATH", help="A folder as below, or a graph's .json; or s3://….")],
    model: Model,
    recipe: Annotated[
        str | None, typer.Option(help="The recipe_id that a dump becomes; of a graph the transcoders that are here.")
    ] = None,
    format: Annotated[str | None, typer.Option(help="Which tool wrote a dump; else it is recognised.")] = None,
    experiment: Annotated[str | None, typer.Option(help="The experiment_id of a graph; else the file's name.")] = None,
) -> None:
    """Import a feature dump of another tool as an SAE of the warehouse, or an attribution graph, publish.

    A graph is the JSON of circuit-tracer or Neuronpedia. Its page marks it as imported; `glasshouse remove` takes it
    out.

    Example: glasshouse import gpt2-small/6-res-jb --model gpt2-small --recipe res-jb

    Example: glasshouse import dallas-austin.json --model gemma-2-2b
    """
    from pipelines.interchange.graph_import import SUFFIX

    if path.endswith(SUFFIX):
        if format is not None:
            raise ValueError("--format is of feature dumps: leave it out")
        _import_graph(path, model, recipe, experiment)
        return
    if recipe is None or experiment is not None:
        raise ValueError("a feature dump becomes a dictionary: name it by --recipe, and leave out --experiment")
    _import_dump(path, model, recipe, format)


def _import_graph(path: str, model: str, recipe: str | None, experiment: str | None) -> None:
    from pipelines.interchange.graph_import import import_graph
    from pipelines.store.store import Store

    store = Store()
    done = import_graph(store, path, model, recipe, experiment)
    rows = ", ".join(f"{n:,} of {name}" for name, n in done.rows.items())
    _say(f"{model}/{done.experiment_id}: {rows}{' (as before)' if done.again else ''}; the file calls it {done.scan}")
    _publish(store, model, recipe or "")


def _import_dump(folder: str, model: str, recipe: str, format: str | None) -> None:
    from models.interchange.dashboards.importer import recognised
    from pipelines.interchange.import_export import import_dictionary
    from pipelines.store.store import Store
    from storage.folder import Folder

    store = Store()
    format = format or recognised(Folder(folder))
    _say(f"reading {folder} as a dump of {format}")
    done = import_dictionary(store, format, folder, model, recipe)
    rows = ", ".join(f"{n:,} of {name}" for name, n in done.rows.items() if n)
    _say(f"{model}/{recipe}: {rows}{' (as before)' if done.again else ''}")
    print_notes(done.notes)
    _publish(store, model, recipe)


def _publish(store: "Store", model: str, recipe: str) -> None:
    from pipelines.store.publication import publish_store

    publication = publish_store(store)
    print_failed_checks(publication.findings)
    _say(f"published in {store.published}")
    if any(finding.may_be_of(model, recipe) for finding in publication.violations):
        raise SystemExit(1)


def _say(text: str) -> None:
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def feature_ids(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise ValueError(f"--features {text!r}: wanted numbers with commas between, such as 7,12,900") from None
