"""`glasshouse` in this process: what a command prints and how it ends, without the seconds that a process starts in."""

import io
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, redirect_stderr, redirect_stdout

import dagster as dg
import pytest

from pipelines.cli.main import main


def glasshouse(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs a command as a shell would; the terminal is wide, so that no line is folded."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
    code = 0
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr(sys, "argv", ["glasshouse", *arguments])
        for name, value in ({"COLUMNS": "400"} | environment).items():
            patch.setenv(name, value)
        try:
            main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 0
    return subprocess.CompletedProcess(arguments, code, _written(out), _written(err))


def _written(text: io.TextIOWrapper) -> str:
    text.seek(0)
    return text.read()


@contextmanager
def one_instance() -> Iterator[dg.DagsterInstance]:
    """Dagster's records in memory, for every command until it ends: records in files take a second for each command."""
    with dg.DagsterInstance.ephemeral() as instance, pytest.MonkeyPatch.context() as patch:
        patch.setattr(dg.DagsterInstance, "get", lambda: nullcontext(instance))
        yield instance
