"""The sensor of experiments: a card that is new or changed runs its method, and nothing else."""

import dagster as dg

from models.experiments.settings_base import method_names
from pipelines import jobs
from pipelines.dagster_support.described import sensor
from pipelines.dagster_support.partition_runs import failed_last
from pipelines.experiments.experiment_asset import experiment_partitions
from pipelines.registry.experiment_cards import ExperimentRegistration
from pipelines.registry.registry_changes import SeenRegistration, SeenRegistry, Transition
from pipelines.store.experiment_identity import experiment_identity
from pipelines.store.resolve_all import resolve_experiments
from pipelines.store.store import Store
from pipelines.store.tables import MissingDataset
from storage.folder import AbsentFolder
from storage.manifest import sha256_of
from storage.remote_errors import Unreachable


@sensor(
    jobs=list(jobs.experiment_jobs.values()),
    default_status=dg.DefaultSensorStatus.RUNNING,
    minimum_interval_seconds=30,
)
def new_experiments(context: dg.SensorEvaluationContext, store: Store) -> dg.SensorResult:
    """Adds a partition for every experiment card and model; runs its method where card, prompts, model or dictionary
    are new or changed, and where the last run failed and a card was written since (`touch` it).

    An experiment whose dictionary is not made yet waits for it. Reads cards, prompts and manifests: no weights.
    """
    try:
        registrations, errors = resolve_experiments(store)
    except (AbsentFolder, Unreachable) as error:
        return dg.SensorResult(skip_reason=dg.SkipReason(str(error)))
    last, now, methods = SeenRegistry.parse(context.cursor), dict[str, SeenRegistration](), dict[str, str]()
    waiting = []
    for registration in registrations:
        try:
            now[registration.key] = _seen(store, registration)
            methods[registration.key] = registration.card.method
        except MissingDataset as error:
            waiting.append(str(error))
        except (ValueError, OSError) as error:
            errors[registration.key] = f"{registration.key}: {error}"
    transitions = [Transition(last.transition, key, last.seen.get(key), now[key]) for key in now]
    requests = [_request(each, methods[each.partition]) for each in transitions if _is_due(context, each, methods)]
    reason = "; ".join([*errors.values(), *waiting]) or f"{len(now)} registered, none new or changed"
    return dg.SensorResult(
        run_requests=requests,
        skip_reason=None if requests else dg.SkipReason(reason),
        dynamic_partitions_requests=_new_partitions(context.instance, methods),
        cursor=last.after(now).model_dump_json(),
    )


def _seen(store: Store, registration: ExperimentRegistration) -> SeenRegistration:
    identity = sha256_of(experiment_identity(store, registration))[:16]
    return SeenRegistration(chain=identity, labels="", written=registration.cards_written)


def _is_due(context: dg.SensorEvaluationContext, transition: Transition, methods: dict[str, str]) -> bool:
    if transition.change is not None:
        return True
    job = jobs.experiment_jobs[methods[transition.partition]].name
    return transition.was_touched and failed_last(context.instance, job, transition.partition)


def _request(transition: Transition, method: str) -> dg.RunRequest:
    job = jobs.experiment_jobs[method].name
    return dg.RunRequest(run_key=f"{method} {transition.key}", job_name=job, partition_key=transition.partition)


def _new_partitions(
    instance: dg.DagsterInstance, methods: dict[str, str]
) -> list[dg.AddDynamicPartitionsRequest | dg.DeleteDynamicPartitionsRequest]:
    requests: list[dg.AddDynamicPartitionsRequest | dg.DeleteDynamicPartitionsRequest] = []
    for method in method_names():
        known = set(instance.get_dynamic_partitions(method))
        if added := [key for key, name in methods.items() if name == method and key not in known]:
            requests.append(experiment_partitions(method).build_add_request(added))
    return requests
