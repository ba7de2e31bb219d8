"""A job whose one step wants a place in a pool that lets one in at a time."""

import dagster as dg

ONE_EACH = {"concurrency": {"pools": {"default_limit": 1, "granularity": "op"}}}
"""Settings of the instance."""


@dg.op(pool="gpu")
def work() -> None: ...


@dg.job
def job() -> None:
    work()
