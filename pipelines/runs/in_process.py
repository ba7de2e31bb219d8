"""Runs the chain in this process, through Dagster: the same assets, records and checks as in the UI."""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg

from pipelines.dagster_support.orphaned_runs import fail_orphaned_runs, worker_tags
from pipelines.dagster_support.pool_wait import paused_waits
from pipelines.jobs import experiment_jobs
from pipelines.launches.machine_run import TAG as MACHINE
from pipelines.registry.registry import Registry
from pipelines.store.current_datasets import NOT_MADE, NOTHING_THERE
from pipelines.store.store import Store

_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
"""What fails is said by who started the run, in its own words; traces are kept by Dagster, for its pages."""
_BLOCKED = "DagsterAssetCheckFailedError"
_INTERRUPTED = "DagsterExecutionInterruptedError"
_SENTENCE = f"{dg.Failure.__module__}.{dg.Failure.__qualname__}: "
"""What stands before the sentence of a step that `fail_without_retry` ended; what led to it is a library's own word."""


class RunStopped(KeyboardInterrupt):
    """Somebody stopped the run: nothing that would come after it begins."""


@dataclass(frozen=True, slots=True)
class RunResult:
    """How the run of one partition, or of what several share, went."""

    name: str
    success: bool
    failed_checks: tuple[str, ...]
    error: str | None
    remade: tuple[str, ...] = ()
    """Assets that were there and were made again, each with the card field, code version or input that differed."""


def selected_partitions(cards: Registry, model: str | None, recipe: str | None) -> list[str]:
    """Partitions of the registry, narrowed to a model and a recipe.

    Raises:
        ValueError: If nothing is left, naming what there is.
    """
    recipes = None if recipe is None else cards.dictionaries_of(recipe)
    keys = [(key, *key.split("/")) for key in cards.sae_ids()]
    found = [key for key, of, each in keys if model in (None, of) and (recipes is None or each in recipes)]
    if not found:
        unread = "".join(f"\n{error}" for error in cards.errors.values())
        raise ValueError(
            f"no partition for model {model or '(any)'} and recipe {recipe or '(any)'}; the registry holds "
            f"{', '.join(cards.sae_ids()) or 'none'}: correct the name or add a card{unread}"
        )
    return found


def selected_experiments(cards: Registry, experiment: str | None, model: str | None) -> list[str]:
    """Experiments of the registry, narrowed to one and to a model.

    Raises:
        ValueError: If nothing is left, naming what there is.
    """
    keys = [key.partition("/") for key in cards.experiment_keys()]
    chosen = ["".join(key) for key in keys if model in (None, key[0]) and experiment in (None, key[2])]
    if not chosen:
        unread = "".join(f"\n{error}" for error in cards.errors.values())
        raise ValueError(
            f"no experiment {experiment or '(any)'} on model {model or '(any)'}; the registry holds "
            f"{', '.join(cards.experiment_keys()) or 'none'}: correct the name or add a card{unread}"
        )
    return chosen


def run_partition(
    store: Store, sae_id: str, instance: dg.DagsterInstance, job_name: str = "full_pipeline", on: str | None = None
) -> RunResult:
    """Materializes the tables of one partition, or those of one job, and publishes them; a failure is returned, not
    raised, and keeps them from being published."""
    made = write_tables(store, sae_id, instance, job_name, on)
    if not made.success:
        return made
    published = publish(store, instance)
    checks = made.failed_checks + published.failed_checks
    return RunResult(sae_id, published.success, checks, published.error, made.remade)


def run_sweep(
    store: Store, sae_ids: Sequence[str], instance: dg.DagsterInstance, on: str | None = None
) -> list[RunResult]:
    """Materializes the tables of several partitions of one model, their dictionaries trained from one reading of its
    activations, and publishes them once; stops at the first shared step that fails."""
    made = write_sweep_tables(store, sae_ids, instance, on)
    return [*made, publish(store, instance)] if any(run.success for run in made) else made


def write_tables(
    store: Store, sae_id: str, instance: dg.DagsterInstance, job_name: str = "full_pipeline", on: str | None = None
) -> RunResult:
    """Materializes every asset of one partition but the publication. Ends killed runs first.

    Args:
        on: Machine of the registry where shared work is done; None for this process.
    """
    fail_orphaned_runs(instance)
    instance.add_dynamic_partitions("sae", [sae_id])
    return _run(store, sae_id, instance, job_name, partition=sae_id, on=on)


def write_experiment_tables(store: Store, key: str, instance: dg.DagsterInstance) -> RunResult:
    """Materializes the tables of one experiment on one model. Ends killed runs first."""
    fail_orphaned_runs(instance)
    method = store.experiment(key).card.method
    instance.add_dynamic_partitions(method, [key])
    return _run(store, key, instance, experiment_jobs[method].name, partition=key)


def write_sweep_tables(
    store: Store, sae_ids: Sequence[str], instance: dg.DagsterInstance, on: str | None = None
) -> list[RunResult]:
    """`write_tables` of several partitions of one model, which are harvested and trained together."""
    fail_orphaned_runs(instance)
    instance.add_dynamic_partitions("sae", list(sae_ids))
    model_id, recipes = sae_ids[0].split("/")[0], [sae_id.split("/")[1] for sae_id in sae_ids]
    asked = {"ops": {"train_sweep_op": {"config": {"model": model_id, "recipes": recipes}}}}
    for job, config, partition in (("harvest", {}, sae_ids[0]), ("sweep", asked, None)):
        shared = _run(store, f"{model_id} ({job})", instance, job, partition, config, on)
        if not shared.success:
            return [shared]
    return [write_tables(store, sae_id, instance, on=on) for sae_id in sae_ids]


def publish(store: Store, instance: dg.DagsterInstance, *, allow_drop: bool = False) -> RunResult:
    """Publishes what the store holds, of all partitions.

    Args:
        allow_drop: Whether most of what is published may go, because the store no longer has it.
    """
    config = {"ops": {"published_warehouse": {"config": {"allow_drop": allow_drop}}}}
    return _run(store, "published_warehouse", instance, "publish", config=config)


def _run(
    store: Store,
    name: str,
    instance: dg.DagsterInstance,
    job: str,
    partition: str | None = None,
    config: Mapping[str, Any] | None = None,
    on: str | None = None,
) -> RunResult:
    from pipelines.definitions import defs

    run_id = str(uuid.uuid4())
    with paused_waits(instance):
        result = defs.resolve_job_def(job).execute_in_process(
            run_config={**_QUIET, **(config or {})},
            instance=instance,
            partition_key=partition,
            run_id=run_id,
            tags=worker_tags(run_id) | ({MACHINE: on} if on else {}),
            resources={"store": store},
            raise_on_error=False,
        )
    checks = tuple(
        f"{e.asset_key.to_user_string()}.{e.check_name}{': ' + e.description if e.description else ''}"
        for e in result.get_asset_check_evaluations()
        if not e.passed
    )
    if stopped := _stopped(result):
        raise RunStopped(
            f"{name}: {stopped} was stopped: what it finished is kept. Run it again: it goes on from there"
        )
    return RunResult(name, result.success, checks, _error(result), tuple(_remade(result)))


def _stopped(result: dg.ExecuteInProcessResult) -> str | None:
    """What Ctrl-C, or whoever ends processes, has ended: a step, or the wait for one; None where nothing was."""
    for event in result.filter_events(lambda e: e.is_step_failure):
        error = event.step_failure_data.error
        if error is not None and _INTERRUPTED in error.message:
            return event.step_key
    for event in result.filter_events(lambda e: e.is_job_failure):
        error = event.job_failure_data.error
        if error is not None and _INTERRUPTED in error.message:
            return "its wait for a place in a pool"
    return None


def _remade(result: dg.ExecuteInProcessResult) -> Iterator[str]:
    for event in result.filter_events(lambda e: e.is_step_materialization):
        made = event.step_materialization_data.materialization
        why = made.metadata.get("remade_because")
        if why is not None and why.value not in (NOT_MADE, NOTHING_THERE):
            yield f"{made.asset_key.to_user_string()}: {why.value}"


def _error(result: dg.ExecuteInProcessResult) -> str | None:
    """The sentence of the first step that failed, or the innermost message of a mistake of ours; None where a check
    stopped it, which says so itself."""
    for event in result.filter_events(lambda e: e.is_step_failure):
        error = event.step_failure_data.error
        while error is not None and error.cause is not None and error.cls_name != "Failure":
            error = error.cause
        if error and error.cls_name == _BLOCKED:
            return None
        if error is None:
            return f"{event.step_key} failed"
        return f"{event.step_key}: {error.message.strip().removeprefix(_SENTENCE)}"
    return None
