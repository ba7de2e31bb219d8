"""A cluster under Slurm: one array of independent processes, or one job of processes that talk to each other.

Slurm requeues what it sees as its own failure, the loss of a node; what a process sees first (its neighbour is gone)
ends the script, so that the script requeues itself. Work goes on from the store either way.
"""

import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Field

from models.bounds import Bounds
from pipelines.launchers.launcher import USERS_ERROR, JobPhase, JobState, Launch, UnusableMachine
from pipelines.launchers.log_files import LogFiles
from pipelines.launchers.machine_card import MachineCard, matching

_RUNNING = {"RUNNING", "COMPLETING", "STAGE_OUT", "SIGNALING", "STOPPED", "SUSPENDED"}
_ENDED_WELL = {"COMPLETED"}
_ANSWERS_WITHIN = 60.0
_GONE = "Invalid job id"


Line = Annotated[str, matching(r"[^\n\r\0]+", "one line that says something")]
Time = Annotated[
    str,
    matching(
        r"(\d+-)?\d{1,3}(:\d{2}){0,2}",
        "a time as Slurm writes it: minutes, hours:minutes:seconds or days-hours (1-12)",
    ),
]


class SlurmMachine(MachineCard):
    """A cluster whose queue is Slurm's; the nodes share a file system, or the store is on S3."""

    launcher: Literal["slurm"] = "slurm"
    nodes: Annotated[int, Bounds(1, 4096)] = 1
    """Nodes that a job is given; each has `processes`."""
    partition: Line | None = Field(default=None, examples=["gpu"])
    """As `sinfo` lists them; null: the cluster's own."""
    account: Line | None = None
    """Whom the time is counted to."""
    qos: Line | None = None
    """Quality of service."""
    time: Time | None = None
    """Longest time of a job, such as 4:00:00; null: the partition's own."""
    gpus: Annotated[int, Bounds(0, 16)] = 0
    """GPUs of each process."""
    memory: Line | None = None
    """Memory of a node, such as 64G; null: the partition's own."""
    options: list[Line] = Field(default=[], max_length=32)
    """Further options of sbatch, such as --constraint=a100."""
    setup: list[Line] = Field(default=[], max_length=64)
    """Shell lines before the interpreter is started, such as `module load cuda`."""
    rendezvous: Line | None = None
    """Where processes that talk to each other meet; null: on the job's first node."""

    @property
    def world(self) -> int:
        return self.nodes * self.processes

    def engine(self) -> "SlurmLauncher":
        return SlurmLauncher(self)


@dataclass
class SlurmLauncher:
    """`sbatch`, then `squeue` until the job is no longer queued, then `sacct` or `scontrol` for how it ended."""

    card: SlurmMachine
    _logs: LogFiles = field(default_factory=LogFiles)

    def check(self) -> None:
        missing = [name for name in ("sbatch", "squeue", "scancel", "scontrol") if shutil.which(name) is None]
        if missing:
            raise UnusableMachine(
                f"launcher slurm wants {', '.join(missing)}, and there is none here: run this where Slurm's commands "
                "are installed (a login node), or without --on"
            )

    def submit(self, launch: Launch) -> str:
        launch.logs.mkdir(parents=True, exist_ok=True)
        self._logs.skip(launch.logs)
        script = launch.folder / "job.sh"
        script.write_text(job_script(self.card, launch))
        said = _answer(["sbatch", "--parsable", str(script)])
        if said.returncode:
            raise UnusableMachine(
                f"sbatch refused the job ({_sentence(said.stderr)}): correct the machine card; its script is {script}"
            )
        return said.stdout.strip().split(";")[0]

    def state(self, job: str) -> JobState:
        queued = _answer(["squeue", "--noheader", "--array", "--jobs", job, "--format=%T|%r|%N"])
        if queued.returncode and _GONE not in queued.stderr:
            return JobState(JobPhase.UNKNOWN, _sentence(queued.stderr))
        tasks = [line.split("|") for line in queued.stdout.splitlines() if line.strip()]
        alive = [task for task in tasks if task[0] in _RUNNING]
        if alive:
            return JobState(JobPhase.RUNNING, f"{len(alive)} of {len(tasks)}" if len(alive) < len(tasks) else "")
        if waiting := [task for task in tasks if not _is_end(task[0])]:
            return JobState(JobPhase.WAITING, ", ".join(dict.fromkeys(task[1] for task in waiting)))
        return self._ended(job)

    def _ended(self, job: str) -> JobState:
        """By the accounting where there is one, else by what the controller remembers for some minutes."""
        found: list[str] = []
        if shutil.which("sacct"):
            kept = _answer(["sacct", "-X", "-n", "-P", "-j", job, "-o", "State,ExitCode,NodeList"])
            found = [line for line in kept.stdout.splitlines() if line.strip()] if not kept.returncode else []
        if not found:
            shown = _answer(["scontrol", "--oneliner", "show", "job", job])
            if shown.returncode and _GONE not in shown.stderr:
                return JobState(JobPhase.UNKNOWN, _sentence(shown.stderr))
            found = ["|".join(_fields(line)) for line in shown.stdout.splitlines() if "JobState=" in line]
        failed = list(dict.fromkeys(line for line in found if line.split("|")[0].split()[0] not in _ENDED_WELL))
        if failed or not found:
            return JobState(JobPhase.FAILED, "; ".join(failed) or f"Slurm no longer knows job {job}")
        return JobState(JobPhase.ENDED)

    def lines(self, launch: Launch, job: str) -> Iterator[tuple[str, str]]:
        return self._logs.lines(launch.logs)

    def cancel(self, job: str) -> None:
        _answer(["scancel", job])


def job_script(card: SlurmMachine, launch: Launch) -> str:
    """What sbatch is given: options, set-up, the processes, and the line that queues it again."""
    independent = not launch.gang
    asked = {
        "job-name": launch.name,
        "chdir": str(launch.checkout),
        "output": str(launch.logs / ("job-%a.log" if independent else "job.log")),
        "open-mode": "append",
        "array": f"0-{launch.world - 1}" if independent else None,
        "nodes": "1" if independent else str(card.nodes),
        "ntasks-per-node": "1",
        "cpus-per-task": str(card.cpus if independent else card.cpus * card.processes),
        "gres": f"gpu:{card.gpus * (1 if independent else card.processes)}" if card.gpus else None,
        "partition": card.partition,
        "account": card.account,
        "qos": card.qos,
        "time": card.time,
        "mem": card.memory,
    }
    options = [f"#SBATCH --{name}={value}" for name, value in asked.items() if value is not None]
    options += ["#SBATCH --requeue", *(f"#SBATCH {option}" for option in card.options)]
    exported = [f"export {name}={shlex.quote(value)}" for name, value in launch.environment.items()]
    own = "${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID}" if independent else "$SLURM_JOB_ID"
    lines = [
        "#!/bin/bash",
        *options,
        *card.setup,
        *exported,
        "restart=${SLURM_RESTART_COUNT:-0}",
        *(_independent(card, launch) if independent else _gang(card, launch)),
        "code=$?",
        f"if [ $code -ne 0 ] && [ $code -ne {USERS_ERROR} ] && [ $restart -lt {card.restarts} ]; then",
        f"  scontrol requeue {own}",
        "fi",
        "exit $code",
    ]
    return "\n".join(lines) + "\n"


def _independent(card: SlurmMachine, launch: Launch) -> Sequence[str]:
    command = shlex.join([card.interpreter, *launch.arguments])
    return [f'{command} --rank "$SLURM_ARRAY_TASK_ID"']


def _gang(card: SlurmMachine, launch: Launch) -> Sequence[str]:
    """One torchrun a node; a new meeting for every start, and no restart but the queue's."""
    where = card.rendezvous or '$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)'
    options = [
        "--nnodes=$SLURM_JOB_NUM_NODES",
        f"--nproc-per-node={card.processes}",
        "--max-restarts=0",
        "--rdzv-id=$SLURM_JOB_ID-$restart",
        "--rdzv-backend=c10d",
        "--rdzv-endpoint=$meeting",
        *(["--local-addr=127.0.0.1"] if card.rendezvous == "127.0.0.1" else []),
    ]
    command = f"{shlex.quote(card.interpreter)} -m torch.distributed.run {' '.join(options)}"
    return [
        f"meeting={where}:$((20000 + SLURM_JOB_ID % 20000))",
        f"srun --kill-on-bad-exit=1 {command} {shlex.join(launch.arguments)}",
    ]


def _answer(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """What a command of Slurm's says; one that does not answer has failed."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=_ANSWERS_WITHIN)
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 1, "", f"{command[0]} did not answer for {_ANSWERS_WITHIN:.0f} s")


def _sentence(said: str) -> str:
    return "; ".join(line.strip() for line in said.strip().splitlines()[:3]) or "it said nothing"


def _is_end(state: str) -> bool:
    return state in _ENDED_WELL | {"FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", "OUT_OF_MEMORY", "BOOT_FAIL"}


def _fields(line: str) -> list[str]:
    known = dict(re.findall(r"(\w+)=(\S*)", line))
    return [known.get(name, "") for name in ("JobState", "ExitCode", "NodeList")]
