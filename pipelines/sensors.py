"""Sensors: a model arrives, a card is wrong, something cheap fell behind, tables wait for their publication,
a list of features was written."""

import time

import dagster as dg

from assets import registry
from assets.published_warehouse import published_warehouse
from pipelines import jobs
from pipelines.dagster_support import publication_age
from pipelines.dagster_support.described import sensor
from pipelines.dagster_support.partition_runs import failed_last, waits
from pipelines.dagster_support.partitions import sae_partitions
from pipelines.experiment_sensor import new_experiments
from pipelines.health_sensor import run_health
from pipelines.registry.feature_lists import FeatureListCard
from pipelines.registry.registry_changes import SeenRegistration, SeenRegistry, Transition
from pipelines.store.resolve_all import resolve_registry
from pipelines.store.store import Store
from storage.folder import AbsentFolder
from storage.manifest import sha256_of
from storage.remote_errors import Unreachable

NO_REGISTRY = (AbsentFolder, Unreachable)
"""Errors of the place where cards lie: each tick says them, and the next looks again."""


@sensor(
    jobs=[jobs.full_pipeline, jobs.label], default_status=dg.DefaultSensorStatus.RUNNING, minimum_interval_seconds=15
)
def new_models(context: dg.SensorEvaluationContext, store: Store) -> dg.SensorResult:
    """Adds a partition for every model and recipe in the registry; runs the chain where one is new or changed, and
    where the last run failed and a card was written since (`touch` it).

    Reads cards and, for hub models, the revision: no weights. A card that was changed in its labels only runs
    `label`. A removed card removes nothing that was made; a card that cannot be read is left to `invalid_cards`.
    """
    try:
        registrations, errors = resolve_registry(store)
    except NO_REGISTRY as error:
        return dg.SensorResult(skip_reason=dg.SkipReason(str(error)))
    last = SeenRegistry.parse(context.cursor)
    known = set(context.instance.get_dynamic_partitions("sae"))
    added = [r.sae_id for r in registrations if r.sae_id not in known]
    now = {r.sae_id: SeenRegistration.of(r) for r in registrations}
    before = {sae_id: last.seen.get(sae_id) if sae_id in known else None for sae_id in now}
    transitions = [Transition(last.transition, sae_id, before[sae_id], now[sae_id]) for sae_id in now]
    requests = [request for each in transitions if (request := _request(context.instance, each))]
    up_to_date = f"{len(registrations)} registered, none new or changed; {len(errors)} cannot be read"
    return dg.SensorResult(
        run_requests=requests,
        skip_reason=None if requests else dg.SkipReason(up_to_date),
        dynamic_partitions_requests=[sae_partitions.build_add_request(added)] if added else [],
        cursor=last.after(now).model_dump_json(),
    )


def _request(instance: dg.DagsterInstance, transition: Transition) -> dg.RunRequest | None:
    """A run of what the transition asks for."""
    job = _job(instance, transition)
    if job is None:
        return None
    tags = {"glasshouse/identity": transition.now.chain}
    return dg.RunRequest(run_key=transition.key, job_name=job, partition_key=transition.partition, tags=tags)


def _job(instance: dg.DagsterInstance, transition: Transition) -> str | None:
    """The job that makes what changed, or that failed before a card was touched. Labels are left to a chain that has
    yet to begin."""
    chain, label, sae_id = jobs.full_pipeline.name, jobs.label.name, transition.partition
    if transition.change == "chain" or (transition.was_touched and failed_last(instance, chain, sae_id)):
        return chain
    asked = transition.change == "labels" or (transition.was_touched and failed_last(instance, label, sae_id))
    return label if asked and not waits(instance, chain, sae_id) else None


@sensor(target=None, default_status=dg.DefaultSensorStatus.RUNNING, minimum_interval_seconds=30)
def invalid_cards(context: dg.SensorEvaluationContext, store: Store) -> dg.SensorResult:
    """Writes down which cards of the registry cannot be read, and why, whenever that changes: as a failed check
    `cards_can_be_read` of the asset `registry`, or as a passed one when all are mended. Other cards run meanwhile.
    """
    try:
        _, errors = resolve_registry(store)
    except NO_REGISTRY as error:
        return dg.SensorResult(skip_reason=dg.SkipReason(str(error)), cursor=context.cursor)
    now = sha256_of(errors)
    return dg.SensorResult(
        skip_reason=dg.SkipReason(registry.summary(errors)),
        cursor=now,
        asset_events=[] if now == context.cursor else [registry.evaluation(errors)],
    )


refresh_stale_assets = dg.AutomationConditionSensorDefinition(
    "refresh_stale_assets",
    description="Makes again what is cheap (features, metrics, labels) where something that it reads was made anew, "
    "its code version was raised, or it is missing.",
    target=dg.AssetSelection.all(),
    default_status=dg.DefaultSensorStatus.RUNNING,
    minimum_interval_seconds=30,
)


@sensor(job=jobs.publish, default_status=dg.DefaultSensorStatus.RUNNING, minimum_interval_seconds=30)
def publish_updates(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """Publishes when tables were written since the last publication began: as soon as no run is under way, and at the
    latest a quarter of an hour after it saw them. So a sweep of nine recipes is published once, and a queue that never
    empties keeps nothing back for long.

    A publication that fails is tried again when the next table is written, or by hand.
    """
    newest = publication_age.newest_table(context.instance, published_warehouse.dependency_keys)
    if newest is None or newest <= publication_age.published_as_of(context.instance, published_warehouse.key):
        context.update_cursor("")
        return dg.SkipReason("nothing was written since the last publication")
    waits_since = float(context.cursor or time.time())
    context.update_cursor(str(waits_since))
    under_way = publication_age.jobs_under_way(context.instance)
    if jobs.publish.name in under_way:
        return dg.SkipReason("a publication is under way: what was written since it began is published after it")
    if not publication_age.is_due(time.time() - waits_since, len(under_way)):
        return dg.SkipReason(f"{len(under_way)} runs are under way: their tables are published together")
    context.update_cursor("")
    return dg.RunRequest(run_key=f"published@{newest}")


def _lists_sha256(lists: dict[str, FeatureListCard]) -> str:
    return sha256_of({list_id: card.model_dump(mode="json") for list_id, card in lists.items()})


@sensor(job=jobs.publish, default_status=dg.DefaultSensorStatus.RUNNING, minimum_interval_seconds=30)
def changed_lists(context: dg.SensorEvaluationContext, store: Store) -> dg.RunRequest | dg.SkipReason:
    """Publishes when a list of features (`registry/lists`) was written, changed or removed since it looked last."""
    try:
        lists = store.cards().lists
    except NO_REGISTRY as error:
        return dg.SkipReason(str(error))
    now = _lists_sha256(lists)
    before = context.cursor or _lists_sha256({})
    context.update_cursor(now)
    if now == before:
        return dg.SkipReason(f"{len(lists)} lists, none new or changed")
    return dg.RunRequest(run_key=f"lists {before[:8]} -> {now[:8]} at {time.time_ns()}")


sensors = [
    *(new_models, new_experiments, invalid_cards, refresh_stale_assets, publish_updates, changed_lists, run_health),
]
