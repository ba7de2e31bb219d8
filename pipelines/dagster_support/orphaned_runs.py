"""Runs whose process was killed: Dagster would take them for running, and their places in the pools for taken."""

import os
import socket
from pathlib import Path

import dagster as dg

TAG = "glasshouse/process"
AFTER_A_KILL = (
    "Look at the system's log for an out-of-memory kill; give it more memory (docs/limits.md says how much a stage "
    "takes), a smaller batch, or another machine (a card in registry/machines). Then run again, it goes on from its "
    "last shard or checkpoint"
)
"""What to do where a process ended without a word."""


def process_tag() -> str:
    """Names this process among all that ran on this host: its number is used again, its start is not."""
    return _named(os.getpid())


def worker_tags(run_id: str) -> dict[str, str]:
    """What says that this process carries out a run; a run that repeats it has the same tags and another id."""
    return {TAG: f"{run_id} {process_tag()}"}


def _named(pid: int) -> str:
    stat = Path(f"/proc/{pid}/stat")
    started = stat.read_text().rpartition(")")[2].split()[19] if stat.exists() else ""
    return f"{socket.gethostname()}:{pid}:{started}"


def is_alive(process: str) -> bool:
    """Whether the process that was so named still runs; one of another host is taken to."""
    host, pid, _ = process.rsplit(":", 2)
    if host != socket.gethostname():
        return True
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return _named(int(pid)) == process


def fail_orphaned_runs(instance: dg.DagsterInstance) -> list[str]:
    """Marks runs as failed whose process is gone, and gives back their places in the pools. Those that the daemon had
    started it starts once more (`run_retries` of dagster.yaml).

    Returns:
        The ids of the runs.
    """
    ended = []
    unfinished = dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING])
    for run in instance.get_runs(filters=unfinished):
        run_id, _, process = run.tags.get(TAG, "").partition(" ")
        if run_id == run.run_id and not is_alive(process):
            instance.report_run_failed(run, "The process of this run was killed. Run it again: it goes on from there.")
            instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
            ended.append(run.run_id)
    return ended
