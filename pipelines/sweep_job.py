"""A sweep: dictionaries of one model, by several recipes, trained from one reading of its activations."""

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

import dagster as dg
from pydantic import Field

from assets.sae import checks, metadata
from pipelines.dagster_support.data_versions import TAG, data_version
from pipelines.dagster_support.json_log import json_log
from pipelines.dagster_support.progress import terminal_listener
from pipelines.dagster_support.resources import GPU_STEP
from pipelines.dagster_support.user_errors import fail_without_retry
from pipelines.launches.machine_run import MachineRun, machine_run
from pipelines.registry.registry import SAERegistration
from pipelines.store import build_dictionary, trainers
from pipelines.store.dictionary_sets import make_set
from pipelines.store.store import Store
from storage.dataset_lock import sole_maker
from storage.manifest import Manifest

if TYPE_CHECKING:
    from models.training.curve import CurvePoint

Report = Callable[[str, int, int], None]
"""Told the sae_id, the tokens that it has seen and how many it will."""


class SweepConfig(dg.Config):
    """What is trained together."""

    model: str = Field("", description="model_id; may be left out where the registry holds one model")
    recipes: list[str] = Field([], description="recipe_ids; none for all that the model asks for")


def sweep_registrations(store: Store, model: str, recipes: Sequence[str]) -> list[SAERegistration]:
    """Registrations of a sweep.

    Raises:
        ValueError: If the model has no such recipe, naming those it has.
    """
    cards = store.cards()
    if not model and len(cards.models) == 1:
        (model,) = cards.models
    if model not in cards.models:
        raise ValueError(f"there is no model {model!r}; the registry holds {', '.join(cards.models) or 'none'}")
    known = list(cards.recipes_of(model))
    recipes = [each for recipe_id in recipes for each in cards.dictionaries_of(recipe_id)]
    if unknown := sorted(set(recipes) - set(known)):
        raise ValueError(f"{model} has no recipe {', '.join(unknown)}; it has {', '.join(known) or 'none'}")
    return [store.registration(f"{model}/{recipe_id}") for recipe_id in recipes or known]


def train_sweep(
    store: Store, registrations: Sequence[SAERegistration], report: Report, machine: MachineRun | None = None
) -> list[str]:
    """Makes what is not made yet, and says which partitions that were; sites one after another, the recipes of a site
    together, or on a machine each dictionary by one of its processes."""
    with sole_maker(*(store.layout.sae_at(some.model_id, some.set_id or some.recipe_id) for some in registrations)):
        missing = [
            some
            for some in registrations
            if not Manifest.find_current(store.layout.sae(some), build_dictionary.identity_of(store, some))
        ]
        if machine is None:
            _make_here(store, missing, report)
        elif missing:
            machine.sweep(missing)
    return [some.sae_id for some in missing]


def _make_here(store: Store, missing: Sequence[SAERegistration], report: Report) -> None:
    alone = [some for some in missing if some.set_id is None]
    for _, together in groupby(sorted(alone, key=_sites), key=_sites):
        _train(store, list(together), report)
    sets = {some.set_id: some for some in missing if some.set_id is not None}
    for some in sets.values():
        make_set(store, some, lambda sae_id, row, some=some: report(sae_id, row.tokens, some.recipe.training.tokens))
    for some in alone:
        if not some.recipe.sae.learns:
            build_dictionary.save_dictionary(store, some, build_dictionary.import_or_neurons(store, some))


def _sites(some: SAERegistration) -> list[str]:
    return some.recipe.sites


def _train(store: Store, together: Sequence[SAERegistration], report: Report) -> None:
    learning = [some for some in together if some.recipe.sae.learns]
    if not learning:
        return
    jobs = [build_dictionary.training_job(store, some, _logging(some, report)) for some in learning]
    source, of = (
        build_dictionary.training_stream(store, learning[0]),
        store.datasets.harvested(learning[0]).identity_sha256,
    )
    for some, trained in zip(learning, trainers.trained(jobs, source, of), strict=True):
        build_dictionary.save_dictionary(store, some, build_dictionary.BuiltDictionary.of(trained))


def _logging(some: SAERegistration, report: Report) -> "Callable[[CurvePoint], None]":
    return lambda row: report(some.sae_id, row.tokens, some.recipe.training.tokens)


@dg.op(**{key: value for key, value in GPU_STEP.items() if key == "pool"}, tags=GPU_STEP["op_tags"])
@fail_without_retry
def train_sweep_op(context: dg.OpExecutionContext, config: SweepConfig, store: Store) -> None:
    """Trains the dictionaries of several recipes at once and records each as a materialization of its partition of
    `sae`; what depends on them follows by automation."""
    registrations = sweep_registrations(store, config.model, config.recipes)
    context.instance.add_dynamic_partitions("sae", [some.sae_id for some in registrations])
    with json_log(context, "sweep"):
        made = train_sweep(store, registrations, _to_log(context), machine_run(context, store))
    for event in materializations(store, [some for some in registrations if some.sae_id in made]):
        context.log_event(event)  # pyright: ignore[reportArgumentType]: it takes checks as well
    context.log.info(f"trained {len(made)} of {len(registrations)}; the others were there")


def _to_log(context: dg.OpExecutionContext) -> Report:
    def report(sae_id: str, done: int, total: int) -> None:
        if show := terminal_listener.get():
            show(sae_id, done, total)
        if done * 10 // total > (done - 1) * 10 // total:
            context.log.info(f"{sae_id}: {done:,} of {total:,} tokens")

    return report


def materializations(
    store: Store, registrations: Iterable[SAERegistration]
) -> Iterable[dg.AssetMaterialization | dg.AssetCheckEvaluation]:
    """What Dagster is told of dictionaries that a sweep made."""
    for some in registrations:
        made = store.datasets.trained(some)
        version = data_version(made.identity).value
        yield dg.AssetMaterialization(
            "sae", partition=some.sae_id, metadata=metadata(store, some, made), tags={TAG: version}
        )
        for check in checks(some, made):
            yield dg.AssetCheckEvaluation(
                asset_key=dg.AssetKey("sae"),
                check_name=str(check.check_name),
                passed=check.passed,
                severity=check.severity,
                description=check.description,
                metadata=dict(check.metadata),
                partition=some.sae_id,
            )


@dg.job(description="Train the dictionaries of several recipes of one model from one reading of its activations.")
def sweep() -> None:
    train_sweep_op()
