"""What each stage leaves about its run, whether it succeeds, fails or is stopped: time, memory, bytes, what to do."""

import functools
import inspect
import time
from collections.abc import Callable
from dataclasses import replace
from typing import ParamSpec, TypeVar

import dagster as dg
from dagster._core.errors import DagsterExecutionInterruptedError

from pipelines.dagster_support.json_log import Say, json_log
from pipelines.dagster_support.orphaned_runs import process_tag
from pipelines.dagster_support.peak_memory import peak_gpu_memory, peak_memory
from pipelines.dagster_support.returned_memory import return_free_memory
from pipelines.store.open_store import OpenStore
from pipelines.store.stage_records import (
    CHECK_FAILED,
    FAILED,
    RUNNING,
    STOPPED,
    Attempt,
    StageRecord,
    now,
    read_record,
    run_command,
    write_record,
)
from storage.parent_process import end_with_parent
from storage.remote_errors import remote_errors
from storage.written_bytes import written_bytes

P = ParamSpec("P")
R = TypeVar("R", bound=dg.MaterializeResult)
T = TypeVar("T")
_ENDS = (KeyboardInterrupt, SystemExit, DagsterExecutionInterruptedError)


def recorded_stage(body: Callable[P, R]) -> Callable[P, R]:
    """Keeps a record of each run of a stage in the store. It stands outside `fail_without_retry`, whose sentences it
    writes down, and takes nothing away: a record that cannot be written is said in the log."""
    parameters = inspect.signature(body)

    @functools.wraps(body)
    def watched(*args: P.args, **kwargs: P.kwargs) -> R:
        end_with_parent()
        given = parameters.bind(*args, **kwargs).arguments
        context, store = given["context"], given["store"]
        with json_log(context, context.asset_key.to_user_string()) as say:
            run = _WatchedRun(context, store, say)
            try:
                result = body(*args, **kwargs)
            except _ENDS:
                run.fail(STOPPED, "somebody stopped it", "Nothing is wrong. It goes on where it was: ")
                raise
            except dg.Failure as failure:
                run.fail(FAILED, failure.description or str(failure), "Do what the sentence says, then run again: ")
                raise
            except BaseException as error:
                run.fail(FAILED, f"{type(error).__name__}: {error}".removesuffix(": "), _advice(error))
                raise
            run.end(result)
            return result

    return watched


def _advice(error: BaseException) -> str:
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return (
            "It ran out of memory: docs/limits.md says how much a stage takes and which setting lowers it. "
            "Then run again, it goes on from its last shard or checkpoint: "
        )
    return (
        "No card and no disk is known to cause this: the trace is in Dagster's page of the run. Run it once more; if "
        "it comes again, report the trace. What is finished is kept: "
    )


def _values(record: StageRecord) -> dict[str, object]:
    """What a line says of a run that has ended."""
    last = record.last
    return {
        "seconds": round(last.seconds or 0.0, 3),
        "peak_memory_bytes": last.peak_memory_bytes,
        "peak_gpu_bytes": last.peak_gpu_bytes,
        "written_bytes": last.written_bytes,
        **({"failure": record.failure, "what_to_do": record.what_to_do} if record.failure else {}),
    }


class _WatchedRun:
    """One run of a stage, from its first moment to its end."""

    def __init__(self, context: dg.AssetExecutionContext, store: OpenStore, say: Say) -> None:
        self._context, self._layout, self._say = context, store.layout, say
        stage = context.asset_key.to_user_string()
        partition = context.partition_key if context.has_partition_key else ""
        attempt = Attempt(now(), context.run.run_id, context.run.job_name, process_tag())
        before = self._quietly(lambda: read_record(self._layout, stage, partition))
        self._record = StageRecord.begun(before, stage, partition, attempt)
        self._write(self._record)
        return_free_memory()
        self._memory, self._gpu = peak_memory(), peak_gpu_memory()
        self._start, self._written = time.perf_counter(), written_bytes()

    def end(self, result: dg.MaterializeResult) -> None:
        """It succeeded, or a check of its own says otherwise."""
        ended = self._record.ended(self._measured())
        broken = [
            f"{check.check_name}: {check.description or 'not passed'}"
            for check in result.check_results or ()
            if not check.passed and check.severity == dg.AssetCheckSeverity.ERROR
        ]
        if broken:
            advice = f"Dagster's page of the check says what was found and how to mend it; then: {self._command}"
            at = self._record.succeeded_at
            ended = replace(ended.failed(ended.last, CHECK_FAILED, "; ".join(broken)[:4000], advice), succeeded_at=at)
        self._write(ended)

    def fail(self, status: str, failure: str, advice: str) -> None:
        self._write(self._record.failed(self._measured(), status, failure[:4000], advice + self._command))

    @property
    def _command(self) -> str:
        return run_command(self._record.stage, self._record.partition)

    def _measured(self) -> Attempt:
        return replace(
            self._record.last,
            seconds=time.perf_counter() - self._start,
            peak_memory_bytes=self._memory(),
            peak_gpu_bytes=self._gpu(),
            written_bytes=written_bytes() - self._written,
        )

    def _write(self, record: StageRecord) -> None:
        """A store that is not there is not made by a record: it may be mistyped."""
        measured = {} if record.status == RUNNING else _values(record)
        self._say("error" if record.failure else "info", f"{record.stage} {record.status}", **measured)
        self._quietly(lambda: self._layout.root.absence() or write_record(self._layout, record))

    def _quietly(self, work: Callable[[], T]) -> T | None:
        try:
            with remote_errors():
                return work()
        except (OSError, ValueError) as error:
            self._context.log.warning(f"the record of this run was not kept ({error}); the run itself goes on")
            return None
