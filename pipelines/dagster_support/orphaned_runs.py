"""Runs whose process was killed: Dagster would take them for running, and their places in the pools for taken."""

import os
import socket
from pathlib import Path

import dagster as dg

TAG = "glasshouse/process"


def process_tag() -> str:
    """Names this process among all that ran on this host: its number is used again, its start is not."""
    return _named(os.getpid())


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
    """Marks in-process runs as failed whose process is gone, and gives back their places in the pools.

    Returns:
        The ids of the runs.
    """
    ended = []
    unfinished = dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING])
    for run in instance.get_runs(filters=unfinished):
        if TAG in run.tags and not is_alive(run.tags[TAG]):
            instance.report_run_failed(run, "The process of this run was killed. Run it again: it goes on from there.")
            instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
            ended.append(run.run_id)
    return ended
