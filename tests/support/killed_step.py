"""A job of two steps, the second of which is killed."""

import os
import signal

import dagster as dg
from dagster._core.execution.retries import RetryMode

from pipelines.dagster_support.step_executor import ForkingExecutor


@dg.executor(name="forking_here")
def forking_here(init_context: dg.InitExecutorContext) -> ForkingExecutor:
    """The executor of every job, but forked from this very process: nothing is imported anew."""
    return ForkingExecutor(retries=RetryMode.DISABLED, max_concurrent=1, start_method="fork")


@dg.op(out=dg.Out(dg.Nothing))
def first() -> None: ...


@dg.op(ins={"after": dg.In(dg.Nothing)})
def second() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@dg.job(executor_def=forking_here)
def killed_step() -> None:
    second(first())
