"""The command `glasshouse`: a thin face over Dagster and the warehouse."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from pipelines.cli.collection import gc
from pipelines.cli.experiment import experiment
from pipelines.cli.health import health
from pipelines.cli.import_export import ImportCommand, export_app, feature_ids, import_path
from pipelines.cli.instance import dagster_instance
from pipelines.cli.interventions import intervention_commands
from pipelines.cli.migration import migrate
from pipelines.cli.page_export import export_list_command, export_pages
from pipelines.cli.pipeline_runs import end_with_summary, read_registry, run, sweep
from pipelines.cli.publication import publish
from pipelines.cli.removal import remove
from pipelines.cli.reported_runs import publish_with_progress, run_with_progress
from pipelines.cli.tool_server import mcp
from pipelines.cli.verification import verify
from pipelines.dagster_support.record_errors import record_errors
from storage.remote_errors import remote_errors
from storage.visible_text import visible

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
app.add_typer(export_app, name="export")
app.command("import", cls=ImportCommand, no_args_is_help=True)(import_path)
export_app.command("pages")(export_pages)
export_app.command("list")(export_list_command)
app.command()(run)
app.command()(sweep)
app.command()(mcp)
app.command()(experiment)
app.command()(publish)
app.command()(verify)
app.command()(gc)
app.command()(health)
app.command()(migrate)
app.command(no_args_is_help=True)(remove)
for _name, _command in intervention_commands():
    app.command(_name, no_args_is_help=True)(_command)
console = Console()
MOST_SAID = 4_000
"""Characters of a line of an error."""


def main() -> None:
    """Runs a command; an error of the user's world is one message and exit code 1, not a traceback."""
    try:
        with record_errors(), remote_errors():
            app()
    except (ValueError, OSError) as error:
        sys.stderr.write("glasshouse: " + "\n".join(visible(line, MOST_SAID) for line in str(error).split("\n")) + "\n")
        raise SystemExit(1) from None


@app.callback()
def glasshouse() -> None:
    """Turn a language model into a DuckDB warehouse of its features. Start with: glasshouse run --model pystdlib"""


@app.command()
def label(
    sae: Annotated[str | None, typer.Argument(help="A dictionary to write a label of, as model_id/recipe_id.")] = None,
    feature: Annotated[int | None, typer.Argument(help="The feature that you label.", min=0)] = None,
    text: Annotated[str | None, typer.Argument(help="Your label.")] = None,
    author: Annotated[str, typer.Option(help="Who writes it.")] = "",
    replace: Annotated[bool, typer.Option("--replace", help="Write over your earlier label of it.")] = False,
    model: Annotated[str | None, typer.Option(help="Only this model_id.")] = None,
    recipe: Annotated[str | None, typer.Option(help="Only this recipe_id.")] = None,
    features: Annotated[str | None, typer.Option(help="Label these features too, such as 7,12,900.")] = None,
    dry_run: Annotated[bool, typer.Option(help="Print the cost and send no request.")] = False,
) -> None:
    """Label features, score the labels, publish; or write down your own label.

    Answers of earlier runs are reused. A label of yours is written into the registry, and is rated and scored like any
    other by the next run of this command without a feature, or by Dagster.

    Example: glasshouse label --model pystdlib --features 7,12 --dry-run

    Example: glasshouse label pystdlib/mid-topk 7 "the word import" --author anna
    """
    if sae is not None:
        from pipelines.cli.label_writing import write_own_label

        write_own_label(sae, feature, text, author, replace=replace)
        return
    from pipelines.labels.cost_estimate import estimate_costs, plan_table
    from pipelines.labels.requested_features import request_labels
    from pipelines.runs.in_process import selected_partitions, write_tables

    store, cards = read_registry()
    keys = selected_partitions(cards, model, recipe)
    asked = feature_ids(features) if features else ()
    if dry_run:
        lines, not_ready = estimate_costs(store, keys, asked)
        if len(not_ready) == len(keys):
            raise ValueError("\n".join(not_ready.values()))
        console.print(plan_table(lines))
        for why in not_ready.values():
            console.print(f"[yellow]not counted[/yellow] {escape(why)}", highlight=False, soft_wrap=True)
        return
    for key in keys if asked else ():
        request_labels(store, store.registration(key), asked)
    with dagster_instance() as instance:
        ran = [run_with_progress(key, lambda key: [write_tables(store, key, instance, "label")]) for key in keys]
        ran += publish_with_progress(store, instance) if any(ran) else []
    end_with_summary(all(ran), keys[0])


@app.command()
def sql(
    query: Annotated[
        str | None, typer.Argument(help="A query, or the name of one in sql/queries; left out, these are listed.")
    ] = None,
    format: Annotated[str, typer.Option(help="table, csv, json or parquet.")] = "table",
    out: Annotated[Path | None, typer.Option(help="Write here instead of to the terminal.")] = None,
    allow_external: Annotated[
        bool, typer.Option(help="Let the query, and views of the warehouse, read and write any file.")
    ] = False,
) -> None:
    """Query the published warehouse.

    Reads the warehouse and the codes of its store, and no other file.

    Example: glasshouse sql "select sae_id, l0, fvu from sae_summary" --format csv
    """
    from pipelines.store.published_file import published_file
    from sql.query_output import answer, named_queries, write

    if query is None:
        typer.echo(named_queries())
        return
    write(answer(published_file(), query, allow_external=allow_external), format, out)


@app.command()
def search(
    text: Annotated[str, typer.Argument(help="Text to find.")],
    most: Annotated[int, typer.Option(help="Maximum number of rows.", min=1)] = 30,
) -> None:
    """Find features by label, token or meaning.

    Search by meaning needs a recipe with a sentence encoder.

    Example: glasshouse search import --most 10
    """
    from pipelines.registry.registry import Registry
    from pipelines.serving.semantic_search import search_features
    from pipelines.store.store import Store
    from sql.query_output import write

    store = Store()
    cards = read_registry()[1] if store.registry_folder.exists() else Registry({}, {})  # by text needs no registry
    write(search_features(store.published, cards, text, most))


@app.command("serve")
def serve_pages(
    port: Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65535)] = 8765,
    host: Annotated[str, typer.Option(help="Address; 0.0.0.0 opens the pages to the network.")] = "127.0.0.1",
    name: Annotated[
        list[str] | None, typer.Option(help="Host name that the pages go by, if it is not this machine's.")
    ] = None,
    open_to_network: Annotated[
        bool, typer.Option("--open-to-network", help="Let others in, where --host is not this machine alone.")
    ] = False,
    keep_texts: Annotated[
        Path | None, typer.Option(help="Folder that keeps texts too long for an address; none is kept without it.")
    ] = None,
    allow_origin: Annotated[
        list[str] | None, typer.Option(help="Site whose pages may read the JSON API, such as http://localhost:8032.")
    ] = None,
    allow_edit: Annotated[
        bool, typer.Option("--allow-edit", help="Let people on this machine write labels into the registry.")
    ] = False,
) -> None:
    """Serve the feature pages, read-only unless --allow-edit is given.

    Shows the published warehouse until Ctrl-C; a new publication appears at once. Beyond this machine there is no
    password: whoever reaches the port reads the whole warehouse and has the models read texts.

    Example: glasshouse serve --port 8766 --allow-edit
    """
    from pipelines.serving.experiment_asker import ExperimentAsker
    from pipelines.serving.graph_changer import StoredGraphChanger
    from pipelines.serving.label_editor import RegistryLabelEditor, require_loopback
    from pipelines.serving.model_hosts import ModelHosts
    from pipelines.serving.semantic_search import TextEmbedder
    from pipelines.serving.text_reader import TextReader
    from pipelines.serving.vector_reader import StoredVectorReader
    from pipelines.store.store import Store
    from web.app import serve
    from web.request_origin import checked_origin, refuse_unmeant_exposure

    refuse_unmeant_exposure(host, is_meant=open_to_network)
    if allow_edit:
        require_loopback(host, name or ())
    store, origins = Store(), [checked_origin(origin) for origin in allow_origin or ()]
    where = f"http://{host}:{port}"
    console.print(f"feature pages of {store.published} on {where}, until Ctrl-C", highlight=False, soft_wrap=True)
    hosts = ModelHosts(store, threads=max(1, (os.cpu_count() or 2) - 1))
    reader, asker = TextReader(hosts), ExperimentAsker(hosts)
    embedder, vectors = TextEmbedder(store.cards), StoredVectorReader(store)
    editor = RegistryLabelEditor(store) if allow_edit else None
    shown = (store.published, host, port, reader, embedder, name or (), vectors, origins, editor, keep_texts)
    serve(*shown, asker, StoredGraphChanger(hosts))


@app.command()
def card_reference() -> None:
    """Print every field of a card with its default.

    Example: glasshouse card-reference | grep -A12 corpus
    """
    from pipelines.registry import card_documentation

    typer.echo(card_documentation.card_reference())


@app.command()
def check_card(file: Annotated[Path, typer.Argument(help="A card, in the folder of its kind.")]) -> None:
    """Check one card. An error names file, line and key.

    Contexts are compared with the positions of a model that lies on this machine.

    Example: glasshouse check-card registry/models/pystdlib.yaml
    """
    from pipelines.registry.card_check import check_card_file

    typer.echo(f"{file} is a valid {type(check_card_file(file)).__name__}")
