"""Sensors: a model arrives, a card is wrong, something cheap fell behind, tables wait for their publication."""

import json
import time

import dagster as dg

from assets.published_warehouse import published_warehouse
from pipelines import jobs
from pipelines.dagster_support import publication_age
from pipelines.dagster_support.partitions import sae_partitions
from pipelines.registry.registry import SAERegistration
from pipelines.store.resolve_all import resolve_registry
from pipelines.store.store import Store


@dg.sensor(
    jobs=[jobs.full_pipeline, jobs.label], default_status=dg.DefaultSensorStatus.RUNNING, minimum_interval_seconds=15
)
def new_models(context: dg.SensorEvaluationContext, store: Store) -> dg.SensorResult:
    """Adds a partition for every model and recipe in the registry; runs the chain where one is new or changed.

    Reads cards and, for hub models, the revision: no weights. A card that was changed in its labels only runs
    `label`. A removed card removes nothing that was made; a card that cannot be read is left to `invalid_cards`.
    """
    registrations, errors = resolve_registry(store)
    seen: dict[str, list[str]] = json.loads(context.cursor) if context.cursor else {}
    known = set(context.instance.get_dynamic_partitions("sae"))
    added = [r.sae_id for r in registrations if r.sae_id not in known]
    requests = [request for r in registrations if (request := _request(r, seen.get(r.sae_id)))]
    for error in errors.values():
        context.log.error(error)
    up_to_date = f"{len(registrations)} registered, none new or changed; {len(errors)} cannot be read"
    return dg.SensorResult(
        run_requests=requests,
        skip_reason=None if requests else dg.SkipReason(up_to_date),
        dynamic_partitions_requests=[sae_partitions.build_add_request(added)] if added else [],
        cursor=json.dumps(seen | {r.sae_id: _identity_prefixes(r) for r in registrations}),
    )


def _identity_prefixes(registration: SAERegistration) -> list[str]:
    """What the cursor keeps of a registration: enough of its two hashes to tell changes by."""
    return [registration.chain_identity[:16], registration.labels_identity[:16]]


def _request(registration: SAERegistration, seen: list[str] | None) -> dg.RunRequest | None:
    """A run of what changed since the cursor was written, keyed so that the same change never runs twice."""
    identity, labels = _identity_prefixes(registration)
    if seen is None or seen[0] != identity:
        job, key = jobs.full_pipeline, f"{registration.sae_id}@{identity}"
    elif seen[1] != labels:
        job, key = jobs.label, f"{registration.sae_id}@{identity}+{labels}"
    else:
        return None
    return dg.RunRequest(
        run_key=key, job_name=job.name, partition_key=registration.sae_id, tags={"glasshouse/identity": identity}
    )


@dg.sensor(target=None, default_status=dg.DefaultSensorStatus.RUNNING, minimum_interval_seconds=30)
def invalid_cards(store: Store) -> dg.SkipReason:
    """Fails, so that it is seen, while the registry holds a card that cannot be read; other cards run meanwhile."""
    _, errors = resolve_registry(store)
    if errors:
        raise dg.Failure("\n".join(errors.values()))
    return dg.SkipReason("every card in the registry can be read")


refresh_stale_assets = dg.AutomationConditionSensorDefinition(
    "refresh_stale_assets",
    target=dg.AssetSelection.all(),
    default_status=dg.DefaultSensorStatus.RUNNING,
    minimum_interval_seconds=30,
)


@dg.sensor(job=jobs.publish, default_status=dg.DefaultSensorStatus.RUNNING, minimum_interval_seconds=30)
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


sensors = [new_models, invalid_cards, refresh_stale_assets, publish_updates]
