"""`dagster dev`, or its daemon alone, over a store: started, killed, asked for runs, and looked for afterwards."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

import dagster as dg
import yaml

from pipelines.launchers.kinds.local import free_port
from pipelines.store.store import Store

ROOT = Path(__file__).resolve().parents[2]
FAST = {"run_queue": {"dequeue_interval_seconds": 1}, "run_monitoring": {"poll_interval_seconds": 5}}
"""Where the shipped instance waits for what a test need not wait for."""


class DagsterServices:
    """Processes of Dagster over one store, all of a session of their own, and its records."""

    def __init__(self, store: Store, root: Path, instance: Path = ROOT / "dagster.yaml", **own: str) -> None:
        self.home, self.log = root / "dagster", root / "log"
        self.home.mkdir()
        settings = yaml.safe_load(instance.read_text())
        for section, values in FAST.items():
            settings[section] |= values
        (self.home / "dagster.yaml").write_text(yaml.safe_dump(settings))
        self.environment = (
            os.environ
            | own
            | {
                "GLASSHOUSE_HOME": str(store.home),
                "GLASSHOUSE_REGISTRY": str(store.registry),
                "GLASSHOUSE_WAREHOUSE": str(store.warehouse),
                "DAGSTER_HOME": str(self.home),
                "OMP_NUM_THREADS": "1",
                "PYTHONPATH": str(ROOT),
            }
        )
        self.mark = f"DAGSTER_HOME={self.home}".encode()

    def start_dev(self) -> subprocess.Popen[bytes]:
        """As `make dev` starts it."""
        return self._start(
            "pipelines.cli.watched_dagster", "-w", "workspace.yaml", "-h", "127.0.0.1", "-p", str(free_port())
        )

    def start_daemon(self) -> subprocess.Popen[bytes]:
        return self._start("dagster._daemon", "run", "-w", "workspace.yaml")

    def do(self, *command: str) -> str:
        """A command of Dagster to its end."""
        done = subprocess.run(
            [sys.executable, "-m", "dagster", *command],
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-3000:]
        return done.stdout

    def _start(self, *command: str) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", *command],
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def processes(self) -> dict[int, str]:
        """Every living process that was started for these services, by any way, with its command."""
        found = {}
        for place in Path("/proc").iterdir():
            try:
                is_mine = place.name.isdigit() and self.mark in (place / "environ").read_bytes().split(b"\0")
                if is_mine and "\nState:\tZ" not in (place / "status").read_text():
                    found[int(place.name)] = (place / "cmdline").read_text().replace("\0", " ")
            except OSError:  # it ended, or is not ours to read
                continue
        return found

    def kill_all(self) -> None:
        """What a machine without power does."""
        while found := self.processes():
            for pid in found:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
            time.sleep(0.1)

    def instance(self) -> dg.DagsterInstance:
        return dg.DagsterInstance.from_config(str(self.home))


def runs(instance: dg.DagsterInstance, job: str | None = None) -> list[dg.DagsterRun]:
    return list(instance.get_runs(filters=dg.RunsFilter(job_name=job)))


def by_status(instance: dg.DagsterInstance, job: str | None = None) -> Mapping[str, int]:
    return Counter(run.status.value for run in runs(instance, job))


def until(met: Callable[[], object], seconds: float, told: Callable[[], object]) -> float:
    """Waits; returns how long."""
    began = time.monotonic()
    while not met():
        assert time.monotonic() - began < seconds, f"it did not come to that in {seconds:.0f} s: {told()}"
        time.sleep(0.5)
    return time.monotonic() - began
