"""What stages say as one JSON object a line, for machines that read logs: where `GLASSHOUSE_JSON_LOG` names a file, or
`-` for standard error.

Each object has `time`, `level`, `message`, `run`, `job`, `stage`, the `partition` where there is one, the `rank` whose
line it is where processes of a machine share the work, and `error` with a trace.
"""

import json
import logging
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import dagster as dg

VARIABLE = "GLASSHOUSE_JSON_LOG"
PROCESS = "glasshouse_process"
"""Attribute of a log record: the process of a machine whose line it is, such as rank-3."""
_ROOMS = ("assets", "pipelines", "models")
"""Loggers whose lines Dagster takes over while a step runs (`managed_python_loggers`)."""

Say = Callable[..., None]
"""Told a level, a message and further values."""


@contextmanager
def json_log(context: "dg.AssetExecutionContext | dg.OpExecutionContext", stage: str) -> Iterator[Say]:
    """While a stage runs, its lines go out as JSON as well; gives what adds a line to these alone."""
    handler = _JSONLines(_facts(context, stage))
    if not os.environ.get(VARIABLE):
        yield handler.say
        return
    loggers = [context.log, *map(logging.getLogger, _ROOMS)]
    for logger in loggers:
        logger.addHandler(handler)
    try:
        yield handler.say
    finally:
        for logger in loggers:
            logger.removeHandler(handler)


def _facts(context: "dg.AssetExecutionContext | dg.OpExecutionContext", stage: str) -> dict[str, Any]:
    partition = {"partition": context.partition_key} if context.has_partition_key else {}
    return {"run": context.run.run_id, "job": context.run.job_name, **partition, "stage": stage}


class _JSONLines(logging.Handler):
    """A line is one write at the end of the file, so that several processes may share it."""

    def __init__(self, facts: dict[str, Any]) -> None:
        super().__init__()
        self._facts = facts

    def emit(self, record: logging.LogRecord) -> None:
        error = {"error": logging.Formatter().formatException(record.exc_info)} if record.exc_info else {}
        message = getattr(record, "dagster_meta", {}).get("orig_message") or record.getMessage()
        self.say(record.levelname.lower(), message, **_of_process(getattr(record, PROCESS, None)), **error)

    def say(self, level: str, message: str, **values: Any) -> None:
        """Writes a line, if it is known where; a disk that takes none is no reason to end a stage."""
        place = os.environ.get(VARIABLE)
        if not place:
            return
        time = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = json.dumps({"time": time, "level": level, **self._facts, "message": message, **values}, default=str)
        try:
            if place == "-":
                sys.stderr.write(f"{line}\n")
                sys.stderr.flush()
            else:
                with open(place, "ab", buffering=0) as file:
                    file.write(f"{line}\n".encode())
        except OSError:
            self.handleError(logging.makeLogRecord({"msg": f"{place} takes no line"}))


def _of_process(process: str | None) -> dict[str, Any]:
    """A rank where it has one; pods and jobs of an array are named."""
    if process is None:
        return {}
    numbered = re.fullmatch(r"rank-(\d+)", process)
    return {"rank": int(numbered[1])} if numbered else {"process": process}
