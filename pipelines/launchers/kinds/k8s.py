"""A cluster under Kubernetes: one Indexed Job, whose pods are the ranks.

The body is plain data and is made without any library; to send it, the package `kubernetes` must be installed.
"""

import hashlib
import importlib.util
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import Field

from models.bounds import Bounds
from pipelines.launchers.launcher import USERS_ERROR, JobPhase, JobState, Launch, UnusableMachine
from pipelines.launchers.machine_card import MachineCard, matching

PORT = 29500
Name = Annotated[
    str,
    matching(
        r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?",
        "a name of Kubernetes: lower-case letters, digits and '-', at most 63",
    ),
]
Quantity = Annotated[
    str, matching(r"[0-9]+(\.[0-9]+)?(m|k|Ki|M|Mi|G|Gi|T|Ti)?", "a quantity of Kubernetes, such as 64Gi")
]


class KubernetesMachine(MachineCard):
    """A cluster that pods are sent to; the store is on S3, or on a volume that all of them mount."""

    launcher: Literal["k8s"] = "k8s"
    image: str = Field(examples=["registry.example.org/glasshouse:0.1"])
    """With Glasshouse installed, its checkout as the working folder."""
    nodes: Annotated[int, Bounds(1, 4096)] = 1
    """Pods; each has `processes`."""
    namespace: Name = "default"
    """Where the job is made."""
    gpus: Annotated[int, Bounds(0, 16)] = 0
    """GPUs of each pod."""
    memory: Quantity | None = None
    """Memory of each pod."""
    seconds: Annotated[int, Bounds(60, 10**7)] | None = None
    """Longest time of a job."""
    queue: Name | None = None
    """Local queue of Kueue, where the cluster has one."""
    service_account: Name | None = None
    """Under which the pods run."""
    claim: Name | None = None
    """A persistent volume claim that every pod mounts at `mount`."""
    mount: str = "/data"
    """Where."""
    secrets: list[Name] = Field(default=[], max_length=16)
    """Secrets whose entries become variables of the pods, such as the keys of an object store."""
    context: str | None = None
    """Of the kubeconfig; null: the current one, or the pod's own."""

    @property
    def world(self) -> int:
        return self.nodes * self.processes

    @property
    def interpreter(self) -> str:
        return self.python or "python"

    def engine(self) -> "KubernetesLauncher":
        return KubernetesLauncher(self)


@dataclass
class KubernetesLauncher:
    """Makes a Job (and a service, where its pods talk to each other), looks at it, and deletes it."""

    card: KubernetesMachine
    _heard: dict[str, int] = field(default_factory=dict)
    """Lines of each pod that were read."""

    def check(self) -> None:
        if importlib.util.find_spec("kubernetes") is None:
            raise UnusableMachine(
                "launcher k8s wants the package kubernetes, and it is not installed: pip install kubernetes, or run "
                "without --on"
            )

    def submit(self, launch: Launch) -> str:
        batch, core = self._clients()
        body = job_body(self.card, launch)
        if launch.gang:
            core.create_namespaced_service(self.card.namespace, service_body(body["metadata"]["name"]))
        batch.create_namespaced_job(self.card.namespace, body)
        return body["metadata"]["name"]

    def state(self, job: str) -> JobState:
        from kubernetes.client.exceptions import ApiException  # pyright: ignore[reportMissingImports]

        batch, _ = self._clients()
        try:
            status = batch.read_namespaced_job_status(job, self.card.namespace).status
        except ApiException as error:
            gone = error.status == 404
            return JobState(JobPhase.FAILED if gone else JobPhase.UNKNOWN, f"{error.status} {error.reason}")
        for condition in status.conditions or ():
            if condition.status == "True" and condition.type in ("Complete", "Failed"):
                phase = JobPhase.ENDED if condition.type == "Complete" else JobPhase.FAILED
                return JobState(phase, " ".join(filter(None, [condition.reason, condition.message])))
        return JobState(JobPhase.RUNNING if status.active and status.ready else JobPhase.WAITING)

    def lines(self, launch: Launch, job: str) -> Iterator[tuple[str, str]]:
        from kubernetes.client.exceptions import ApiException  # pyright: ignore[reportMissingImports]

        _, core = self._clients()
        pods = core.list_namespaced_pod(self.card.namespace, label_selector=f"job-name={job}").items
        for pod in pods:
            name, labels = pod.metadata.name, pod.metadata.labels or {}
            try:
                written = core.read_namespaced_pod_log(name, self.card.namespace).splitlines()
            except ApiException:  # not started yet, or gone
                continue
            fresh, self._heard[name] = written[self._heard.get(name, 0) :], len(written)
            for line in fresh:
                yield f"rank-{labels.get('batch.kubernetes.io/job-completion-index', name)}", line

    def cancel(self, job: str) -> None:
        from kubernetes.client.exceptions import ApiException  # pyright: ignore[reportMissingImports]

        batch, core = self._clients()
        for delete in (
            lambda: batch.delete_namespaced_job(job, self.card.namespace, propagation_policy="Background"),
            lambda: core.delete_namespaced_service(job, self.card.namespace),
        ):
            try:
                delete()
            except ApiException as error:
                if error.status != 404:
                    raise

    def _clients(self) -> tuple[Any, Any]:
        from kubernetes import client, config  # pyright: ignore[reportMissingImports]

        config.load_config(context=self.card.context)
        return client.BatchV1Api(), client.CoreV1Api()


def job_name(launch: Launch) -> str:
    """A name that Kubernetes takes, the same for the same launch."""
    digest = hashlib.sha256(launch.name.encode()).hexdigest()[:8]
    plain = re.sub(r"[^a-z0-9-]+", "-", launch.name.lower()).strip("-")
    return f"{plain[:50].strip('-')}-{digest}"


def job_body(card: KubernetesMachine, launch: Launch) -> dict[str, Any]:
    """The Job as the API is sent it: one pod a rank or, where ranks talk to each other, one torchrun a pod."""
    name = job_name(launch)
    pods = card.nodes if launch.gang else card.world
    pod: dict[str, Any] = {
        "restartPolicy": "Never",
        "containers": [_container(card, launch, name)],
    }
    if launch.gang:
        pod["subdomain"] = name
    if card.service_account:
        pod["serviceAccountName"] = card.service_account
    if card.claim:
        pod["volumes"] = [{"name": "store", "persistentVolumeClaim": {"claimName": card.claim}}]
    labels = {"app.kubernetes.io/name": "glasshouse"}
    queue = {"kueue.x-k8s.io/queue-name": card.queue} if card.queue else {}
    spec: dict[str, Any] = {
        "completionMode": "Indexed",
        "completions": pods,
        "parallelism": pods,
        "backoffLimit": card.restarts * pods,
        "podFailurePolicy": {
            "rules": [
                {"action": "FailJob", "onExitCodes": {"operator": "In", "values": [USERS_ERROR]}},
                {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget"}]},
            ]
        },
        "template": {"metadata": {"labels": labels}, "spec": pod},
    }
    if card.seconds:
        spec["activeDeadlineSeconds"] = card.seconds
    if card.queue:
        spec["suspend"] = True
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "namespace": card.namespace, "labels": labels | queue},
        "spec": spec,
    }


def service_body(name: str) -> dict[str, Any]:
    """Gives the pods of a job names by which they find each other."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"clusterIP": "None", "selector": {"job-name": name}, "publishNotReadyAddresses": True},
    }


def _container(card: KubernetesMachine, launch: Launch, name: str) -> dict[str, Any]:
    variables = [{"name": key, "value": value} for key, value in launch.environment.items()]
    resources: dict[str, str] = {"cpu": str(card.cpus * (card.processes if launch.gang else 1))}
    resources |= {"memory": card.memory} if card.memory else {}
    resources |= {"nvidia.com/gpu": str(card.gpus)} if card.gpus else {}
    found: dict[str, Any] = {
        "name": "rank",
        "image": card.image,
        "command": _command(card, launch, name),
        "env": variables,
        "resources": {"requests": resources, "limits": resources},
    }
    if card.claim:
        found["volumeMounts"] = [{"name": "store", "mountPath": card.mount}]
    if card.secrets:
        found["envFrom"] = [{"secretRef": {"name": secret}} for secret in card.secrets]
    return found


def _command(card: KubernetesMachine, launch: Launch, name: str) -> list[str]:
    if not launch.gang:
        return [card.interpreter, *launch.arguments, "--rank", "$(JOB_COMPLETION_INDEX)"]
    meeting = [f"--master-addr={name}-0.{name}", f"--master-port={PORT}", "--node-rank=$(JOB_COMPLETION_INDEX)"]
    sizes = [f"--nnodes={card.nodes}", f"--nproc-per-node={card.processes}", f"--max-restarts={card.restarts}"]
    return [card.interpreter, "-m", "torch.distributed.run", *sizes, *meeting, *launch.arguments]
