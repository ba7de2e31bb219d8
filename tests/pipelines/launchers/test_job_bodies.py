"""What is sent to Slurm and to Kubernetes: the resources that a card asks for, and commands that are read as meant."""

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from pipelines.launchers.kinds import slurm
from pipelines.launchers.kinds.k8s import KubernetesMachine, job_body, service_body
from pipelines.launchers.kinds.slurm import SlurmMachine, job_script
from pipelines.launchers.launcher import JobPhase, Launch

LAUNCH = Launch(
    name="glasshouse-activations-0123456789abcdef-0",
    world=4,
    gang=False,
    arguments=("-c", "import sys; print(sys.argv)", "a b", "$HOME"),
    environment={"GLASSHOUSE_HOME": "/shared/it's here", "PYTHONUNBUFFERED": "1"},
    folder=Path("/shared/launches/x"),
    checkout=Path("/shared/house"),
)


def options(script: str) -> dict[str, str]:
    lines = [line.removeprefix("#SBATCH --") for line in script.splitlines() if line.startswith("#SBATCH")]
    return {name: value for name, _, value in (line.partition("=") for line in lines)}


def test_independent_processes_are_an_array_and_each_asks_for_its_own_share():
    card = SlurmMachine(
        nodes=2, processes=2, cpus=8, gpus=1, partition="gpu", account="lab", time="4:00:00", memory="64G"
    )
    asked = options(job_script(card, LAUNCH))
    wanted = {"array": "0-3", "nodes": "1", "cpus-per-task": "8", "gres": "gpu:1", "partition": "gpu", "account": "lab"}
    assert asked.items() >= (wanted | {"time": "4:00:00", "mem": "64G", "chdir": "/shared/house"}).items()
    assert "requeue" in asked
    assert asked["output"] == "/shared/launches/x/logs/job-%a.log"


def test_processes_that_talk_are_one_job_under_torchrun_on_every_node():
    script = job_script(SlurmMachine(nodes=2, processes=4, cpus=8, gpus=1), replace(LAUNCH, gang=True, world=8))
    asked = options(script)
    wanted = {"nodes": "2", "ntasks-per-node": "1", "cpus-per-task": "32", "gres": "gpu:4"}
    assert asked.items() >= wanted.items()
    assert "array" not in asked
    [line] = [line for line in script.splitlines() if line.startswith("srun")]
    assert "--nproc-per-node=4" in line
    assert "--rdzv-id=$SLURM_JOB_ID-$restart" in line, "a new meeting for every start"
    assert "scontrol requeue $SLURM_JOB_ID" in script


@pytest.mark.parametrize(("code", "restart", "requeued"), [(0, 0, False), (1, 0, True), (1, 2, False), (3, 0, False)])
def test_a_script_queues_itself_again_unless_it_is_of_no_use(tmp_path, code, restart, requeued):
    """The script itself, run by a shell, with a `scontrol` that says what it was asked."""
    (tmp_path / "scontrol").write_text('#!/bin/sh\necho asked "$@"\n')
    (tmp_path / "scontrol").chmod(0o755)
    arguments = (
        "-c",
        f"import sys, os; print(sys.argv, os.environ['GLASSHOUSE_HOME']); sys.exit({code})",
        "a b",
        "$HOME",
    )
    script = tmp_path / "job.sh"
    script.write_text(job_script(SlurmMachine(setup=["export MODULE=loaded"]), replace(LAUNCH, arguments=arguments)))
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "SLURM_ARRAY_TASK_ID": "2", "SLURM_ARRAY_JOB_ID": "7"}
    more = {"SLURM_RESTART_COUNT": str(restart)} if restart else {}
    ran = subprocess.run(["bash", str(script)], env=environment | more, capture_output=True, text=True, check=False)
    assert ran.returncode == code, ran.stderr
    assert ran.stdout.splitlines()[0] == "['-c', 'a b', '$HOME', '--rank', '2'] /shared/it's here"
    assert ("asked requeue 7_2" in ran.stdout) is requeued


@pytest.mark.parametrize(
    ("queued", "shown", "phase", "said"),
    [
        ("RUNNING|None|n1\nPENDING|Resources|", "", JobPhase.RUNNING, "1 of 2"),
        ("PENDING|BeginTime|\nPENDING|Resources|", "", JobPhase.WAITING, "BeginTime, Resources"),
        ("", "JobId=7 JobState=COMPLETED ExitCode=0:0 NodeList=n1", JobPhase.ENDED, ""),
        ("", "JobId=7 JobState=COMPLETED ExitCode=0:0\nJobId=8 JobState=NODE_FAIL ExitCode=0:9 NodeList=n2",
         JobPhase.FAILED, "NODE_FAIL|0:9|n2"),
        ("", "", JobPhase.FAILED, "Slurm no longer knows job 7"),
        (None, "", JobPhase.UNKNOWN, "Unable to contact slurm controller"),
    ],
)  # fmt: skip
def test_what_slurm_says_is_a_phase(monkeypatch, queued, shown, phase, said):
    def answer(command):
        if command[0] == "squeue" and queued is None:
            return subprocess.CompletedProcess(command, 1, "", "Unable to contact slurm controller\n")
        text = {"squeue": queued, "scontrol": shown}.get(command[0])
        return subprocess.CompletedProcess(
            command, 0 if text else 1, text or "", "" if text else "Invalid job id specified"
        )

    monkeypatch.setattr(slurm, "_answer", answer)
    state = SlurmMachine().engine().state("7")
    assert (state.phase, state.said) == (phase, said)


JOB_SCHEMA = {
    "type": "object",
    "required": ["apiVersion", "kind", "metadata", "spec"],
    "properties": {
        "spec": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "completionMode": {"const": "Indexed"},
                "completions": {"type": "integer"},
                "parallelism": {"type": "integer"},
                "backoffLimit": {"type": "integer"},
                "activeDeadlineSeconds": {"type": "integer"},
                "suspend": {"type": "boolean"},
                "podFailurePolicy": {"type": "object"},
                "template": {
                    "type": "object",
                    "properties": {
                        "spec": {
                            "type": "object",
                            "properties": {
                                "restartPolicy": {"const": "Never"},
                                "containers": {
                                    "type": "array",
                                    "items": {
                                        "type": "object",
                                        "properties": {
                                            "command": {"type": "array", "items": {"type": "string"}},
                                            "env": {
                                                "type": "array",
                                                "items": {
                                                    "type": "object",
                                                    "properties": {
                                                        "name": {"type": "string"},
                                                        "value": {"type": "string"},
                                                    },
                                                },
                                            },
                                        },
                                    },
                                },
                            },
                        }
                    },
                },
            },
        }
    },
}
"""Of what is used of batch/v1; the whole is held to the client's own models where `kubernetes` is installed."""


@pytest.mark.parametrize("gang", [False, True])
def test_a_job_of_kubernetes_is_indexed_and_asks_for_what_the_card_says(gang):
    card = KubernetesMachine(
        image="house:1", nodes=2, processes=2, cpus=4, gpus=2, memory="64Gi", claim="store", secrets=["s3"], queue="lab"
    )
    body = job_body(card, replace(LAUNCH, gang=gang))
    jsonschema.validate(body, JOB_SCHEMA)
    spec, pod = body["spec"], body["spec"]["template"]["spec"]
    [container] = pod["containers"]
    assert spec["completions"] == spec["parallelism"] == (2 if gang else 4)
    assert container["resources"]["limits"] == {"cpu": "8" if gang else "4", "memory": "64Gi", "nvidia.com/gpu": "2"}
    assert {"name": "GLASSHOUSE_HOME", "value": "/shared/it's here"} in container["env"]
    assert container["envFrom"] == [{"secretRef": {"name": "s3"}}]
    assert pod["volumes"][0]["persistentVolumeClaim"] == {"claimName": "store"}
    assert body["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "lab"
    name = body["metadata"]["name"]
    assert len(name) <= 63
    if gang:
        assert f"--master-addr={name}-0.{name}" in container["command"]
        assert pod["subdomain"] == service_body(name)["metadata"]["name"] == name
    else:
        assert container["command"][-2:] == ["--rank", "$(JOB_COMPLETION_INDEX)"]


@pytest.mark.parametrize("gang", [False, True])
def test_a_job_is_one_of_the_clients_models(gang):
    """Every key of the body is a field of the model that the client sends, of its type."""
    client = pytest.importorskip("kubernetes.client", reason="the package kubernetes is not installed")

    api = client.ApiClient()
    card = KubernetesMachine(image="house:1", nodes=2, gpus=1, claim="store", secrets=["s3"], seconds=600)
    launch = replace(LAUNCH, gang=gang)
    for body, model in ((job_body(card, launch), "V1Job"), (service_body("a"), "V1Service")):
        found = api.deserialize(json.dumps(body), model, "application/json")
        assert api.sanitize_for_serialization(found) == body
