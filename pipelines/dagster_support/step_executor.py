"""How Dagster starts the steps of a run: each in a process of its own, forked from one that has imported already."""

import signal
import sys
from collections.abc import Iterator

import dagster as dg
from dagster._core.definitions.executor_definition import multiple_process_executor_requirements
from dagster._core.execution.context.system import IStepContext, PlanOrchestrationContext
from dagster._core.execution.plan.plan import ExecutionPlan
from dagster._core.execution.plan.state import KnownExecutionState
from dagster._core.execution.retries import RetryMode
from dagster._core.executor.child_process_executor import ChildProcessCrashException
from dagster._core.executor.multiprocess import MultiprocessExecutor
from dagster._utils.error import SerializableErrorInfo  # pyright: ignore[reportPrivateImportUsage]

from pipelines.dagster_support.orphaned_runs import AFTER_A_KILL, worker_tags

PRELOADED = ("pipelines.definitions", "torch", "transformers")
"""What most steps import, once a run and not once a step. None of it touches a GPU, and the threads that it starts are
those of OpenBLAS and jemalloc, which a fork renews; polars, whose threads it does not, stays out. DuckDB 1.5 has one of
its own, which no step needs: a step opens databases of its own, and ends without taking that one down."""


class ForkingExecutor(MultiprocessExecutor):
    """Says which process carries out the run, for Dagster does not notice that it was killed; and what became of a step
    whose process was."""

    def execute(
        self, plan_context: PlanOrchestrationContext, execution_plan: ExecutionPlan
    ) -> Iterator[dg.DagsterEvent]:
        plan_context.instance.add_run_tags(plan_context.run_id, worker_tags(plan_context.run_id))
        yield from super().execute(plan_context, execution_plan)

    def log_failure_or_retry_event_after_error(
        self, step_context: IStepContext, err_info: SerializableErrorInfo, known_state: KnownExecutionState
    ) -> dg.DagsterEvent:
        """Of a step whose process crashed, Dagster has the trace of its own waiting and no word of what happened."""
        if isinstance(crash := sys.exception(), ChildProcessCrashException):
            err_info = SerializableErrorInfo(
                f"{crash_sentence(step_context.step.key, crash.exit_code)}\n", [], "Killed"
            )
        return super().log_failure_or_retry_event_after_error(step_context, err_info, known_state)


def crash_sentence(step: str, exit_code: int | None) -> str:
    """What happened to a process of which nothing but its end is known, and what to do."""
    if exit_code == -signal.SIGKILL:
        return f"the process of {step} was killed (SIGKILL): most often for want of memory. {AFTER_A_KILL}"
    how = signal.Signals(-exit_code).name if exit_code and exit_code < 0 else f"exit code {exit_code}"
    return (
        f"the process of {step} crashed ({how}): a library, not a card, ends so. What it finished is kept: run again, "
        "and if it comes again, report it with the compute log of the step"
    )


@dg.executor(
    config_schema={
        "max_concurrent": dg.Field(
            int, default_value=0, description="Steps of a run at once; 0: one for each processor."
        )
    },
    requirements=multiple_process_executor_requirements(),
)
def forking_executor(init_context: dg.InitExecutorContext) -> ForkingExecutor:
    """A step costs a fork and not an interpreter with Dagster and torch, and gives its memory back when it ends."""
    most = init_context.executor_config["max_concurrent"]
    assert isinstance(most, int)
    return ForkingExecutor(
        retries=RetryMode.ENABLED,
        max_concurrent=most or None,
        start_method="forkserver",
        explicit_forkserver_preload=PRELOADED,
    )
