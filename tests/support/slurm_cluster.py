"""A real Slurm of two nodes on this machine: munge, a controller and two `slurmd`, all in one folder.

A node is a process: to kill it, and what runs below it, is to lose a node. Nodes share clock, disk and network, so this
tests scheduling and loss, not storage.
"""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from pipelines.launchers.kinds.local import free_port

DAEMONS = ("munged", "slurmctld", "slurmd", "sbatch", "sinfo")
NODES = ("n1", "n2")
_CONFIGURATION = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket={folder}/munge.sock
StateSaveLocation={folder}/state
SlurmctldPidFile={folder}/slurmctld.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
SlurmdSpoolDir={folder}/spool-%n
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/filetxt
JobCompLoc={folder}/jobcomp
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=5,bf_interval=5
ReturnToService=2
SlurmdTimeout=15
SlurmctldTimeout=30
KillWait=5
CompleteWait=0
MinJobAge=600
JobRequeue=1
{nodes}
PartitionName=main Nodes=n1,n2 Default=YES State=UP MaxTime=60
"""


@dataclass
class SlurmCluster:
    """What runs, and how to hurt it."""

    folder: Path
    daemons: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        return {"SLURM_CONF": str(self.folder / "slurm.conf")}

    def ask(self, *command: str) -> str:
        found = subprocess.run(
            command, env=os.environ | self.environment, capture_output=True, text=True, check=False, timeout=60
        )
        return found.stdout.strip()

    def start(self, name: str) -> None:
        """Starts the controller or a node."""
        command = ["slurmctld", "-D"] if name == "controller" else ["slurmd", "-D", "-N", name]
        with (self.folder / f"{name}.out").open("ab") as log:
            self.daemons[name] = subprocess.Popen(
                command, env=os.environ | self.environment, stdout=log, stderr=log, start_new_session=True
            )

    def kill(self, name: str) -> None:
        """Takes a daemon away and, of a node, all that runs on it: step daemons and what they started."""
        below = [] if name == "controller" else [*_processes_of_node(name, self.folder)][::-1]
        for process in [self.daemons[name].pid, *below]:
            _signal(process, signal.SIGKILL)
        self.daemons[name].wait()

    def ranks(self, node: str) -> list[int]:
        """Processes of ours on a node."""
        return [
            process for process in _processes_of_node(node, self.folder) if "pipelines.launches" in _command(process)
        ]

    def wait_until_idle(self, seconds: float = 90) -> None:
        until = time.monotonic() + seconds
        while self.ask("sinfo", "-h", "-N", "-o", "%N %t").splitlines() != [f"{name} idle" for name in NODES]:
            if time.monotonic() > until:
                raise AssertionError(f"the nodes are not idle: {self.ask('sinfo', '-N', '-l')}{self._logs()}")
            time.sleep(0.5)

    def _logs(self) -> str:
        return "".join(f"\n== {path.name}\n{path.read_text()[-800:]}" for path in self.folder.glob("*.log"))

    def stop(self) -> None:
        self.ask("scancel", "--user=root")
        for name in (*NODES, "controller", "munge"):
            if (daemon := self.daemons.get(name)) is not None and daemon.poll() is None:
                if name in NODES:
                    for process in _processes_of_node(name, self.folder):
                        _signal(process, signal.SIGKILL)
                daemon.kill()
                daemon.wait()


@contextmanager
def slurm_cluster(folder: Path) -> Iterator[SlurmCluster]:
    """Starts the cluster; skips the test where Slurm is not installed, or we are not root."""
    missing = [name for name in DAEMONS if shutil.which(name) is None and not Path("/usr/sbin", name).exists()]
    if missing:
        pytest.skip(f"{', '.join(missing)} is not here: apt-get install --no-install-recommends slurm-wlm munge")
    if os.geteuid() != 0:
        pytest.skip("slurmd starts jobs of others: wants root")
    folder.mkdir(parents=True)
    host = os.uname().nodename.split(".")[0]
    ports = [free_port() for _ in range(3)]
    nodes = "\n".join(
        f"NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs=2 RealMemory=4000"
        for name, port in zip(NODES, ports[1:], strict=True)
    )
    (folder / "state").mkdir()
    (folder / "slurm.conf").write_text(_CONFIGURATION.format(folder=folder, host=host, ports=ports, nodes=nodes))
    cluster = SlurmCluster(folder)
    try:
        _start_munge(cluster)
        for name in ("controller", *NODES):
            cluster.start(name)
        cluster.wait_until_idle()
        yield cluster
    finally:
        cluster.stop()


def _start_munge(cluster: SlurmCluster) -> None:
    folder = cluster.folder
    (folder / "munge.key").write_bytes(os.urandom(1024))
    (folder / "munge.key").chmod(0o600)
    places = {"key-file": "key", "socket": "sock", "pid-file": "pid", "log-file": "log", "seed-file": "seed"}
    options = [f"--{option}={folder}/munge.{suffix}" for option, suffix in places.items()]
    with (folder / "munge.out").open("ab") as log:
        cluster.daemons["munge"] = subprocess.Popen(
            ["munged", "--foreground", "--force", *options], stdout=log, stderr=log, start_new_session=True
        )
    until = time.monotonic() + 20
    while not (folder / "munge.sock").exists():
        assert time.monotonic() < until, (folder / "munge.out").read_text()
        time.sleep(0.1)


def _processes_of_node(node: str, folder: Path) -> Iterator[int]:
    """Step daemons of a node and what they started, which carries the node's name."""
    daemons: set[int] = set()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            environment = (entry / "environ").read_bytes().split(b"\0")
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        if {f"SLURM_CONF={folder}/slurm.conf".encode(), f"SLURMD_NODENAME={node}".encode()} <= set(environment):
            yield int(entry.name)
            if _command(parent).startswith("slurmstepd"):
                daemons.add(parent)
    yield from daemons


def _command(process: int) -> str:
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
    except OSError:
        return ""


def _signal(process: int, number: int) -> None:
    try:
        os.kill(process, number)
    except ProcessLookupError:
        return
