"""How Dagster starts the steps of a run: each in a process of its own, forked from one that has imported already."""

import dagster as dg

PRELOADED = ("pipelines.definitions", "torch", "transformers")
"""What most steps import, once a run and not once a step. None of it touches a GPU, and the threads that it starts are
those of OpenBLAS and jemalloc, which a fork renews; polars, whose threads it does not, stays out."""


@dg.configured(
    dg.multiprocess_executor,
    config_schema={
        "max_concurrent": dg.Field(
            int, default_value=0, description="Steps of a run at once; 0: one for each processor."
        )
    },
)
def forking_executor(config):
    """A step costs a fork and not an interpreter with Dagster and torch, and gives its memory back when it ends."""
    return {
        "max_concurrent": config["max_concurrent"] or None,
        "start_method": {"forkserver": {"preload_modules": list(PRELOADED)}},
    }
