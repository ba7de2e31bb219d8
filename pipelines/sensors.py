"""Sensors: a model arrives, a card is wrong, something cheap fell behind."""

import json

import dagster as dg

from pipelines import jobs
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
    return [registration.identity[:16], registration.labels_identity[:16]]


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

sensors = [new_models, invalid_cards, refresh_stale_assets]
