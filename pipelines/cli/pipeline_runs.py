"""`glasshouse run` and `glasshouse sweep`: the chain of some cards, in this process or shared by those of a machine."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape

from pipelines.cli.instance import dagster_instance
from pipelines.cli.reported_runs import publish_with_progress, run_with_progress

if TYPE_CHECKING:
    from pipelines.registry.registry import Registry
    from pipelines.store.store import Store

console = Console()


def run(
    model: Annotated[str | None, typer.Option(help="Only this model_id.")] = None,
    recipe: Annotated[str | None, typer.Option(help="Only this recipe_id.")] = None,
    on: Annotated[str | None, typer.Option(help="Machine of the registry that shares the work.")] = None,
) -> None:
    """Run the pipeline for the cards in the registry.

    Runs in this process, with progress bars. What is up to date is not computed again. Where an LLM labels or judges,
    features and examples are published before it is asked, and again with the labels. With --on, activations,
    training and statistics are shared by the processes of a machine card, and this process waits for them.

    Example: glasshouse run --model pystdlib --recipe mid-topk --on here
    """
    from pipelines.runs.in_process import selected_partitions, write_tables

    store, cards = read_registry()
    keys = selected_partitions(cards, model, recipe)
    waiting = [key for key in keys if cards.recipes[key.split("/")[1]].explanations.sends_prompts]
    _require_machine(store, on)
    with dagster_instance() as instance:

        def write(keys: list[str], job: str) -> list[bool]:
            return [run_with_progress(key, lambda key: [write_tables(store, key, instance, job, on)]) for key in keys]

        made = dict(zip(waiting, write(waiting, "features"), strict=True))
        if any(made.values()):
            publish_with_progress(store, instance)
        ran = write([key for key in keys if made.get(key, True)], "full_pipeline")
        ran += publish_with_progress(store, instance) if any(ran) else []
    end_with_summary(all(ran) and all(made.values()), keys[0])


def sweep(
    model: Annotated[str | None, typer.Option(help="Only this model_id.")] = None,
    recipe: Annotated[list[str] | None, typer.Option(help="Only this recipe_id; may be given again.")] = None,
    on: Annotated[str | None, typer.Option(help="Machine of the registry whose processes train one SAE each.")] = None,
) -> None:
    """Run the pipeline for several recipes at once.

    All SAEs of a model train from one reading of its activations.

    Example: glasshouse sweep --model pystdlib
    """
    from pipelines.runs.in_process import selected_partitions, write_sweep_tables

    store, cards = read_registry()
    keys = [key for key in selected_partitions(cards, model, None) if not recipe or key.split("/")[1] in recipe]
    if unknown := sorted(set(recipe or ()) - {key.split("/")[1] for key in keys}):
        raise ValueError(f"no recipe {', '.join(unknown)} here; the registry asks for {', '.join(keys) or 'none'}")
    models = dict.fromkeys(key.split("/")[0] for key in keys)
    _require_machine(store, on)
    with dagster_instance() as instance:
        ran = [
            run_with_progress(
                name, lambda name: write_sweep_tables(store, [k for k in keys if k.split("/")[0] == name], instance, on)
            )
            for name in models
        ]
        ran += publish_with_progress(store, instance) if any(ran) else []
    end_with_summary(all(ran), keys[0])


def read_registry() -> "tuple[Store, Registry]":
    """The store and its cards; those that cannot be read are said."""
    from pipelines.store.store import Store

    store = Store()
    cards = store.cards()
    for error in cards.errors.values():
        console.print(f"[red]card refused[/red] {escape(error)}", highlight=False)
    return store, cards


def _require_machine(store: "Store", machine_id: str | None) -> None:
    """Before anything is computed: the machine is known, and can be used from here."""
    from pipelines.launches.machine_run import usable_machine

    if machine_id is not None:
        usable_machine(store, machine_id)


def end_with_summary(success: bool, sae_id: str) -> None:
    """What was made of a dictionary; exit code 1 where something failed."""
    from pipelines.cli.summary import print_summary
    from pipelines.store.store import Store

    if not success:
        raise SystemExit(1)
    print_summary(console, Store().published, sae_id)
