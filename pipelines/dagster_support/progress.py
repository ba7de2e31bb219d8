"""Progress of long steps: in the log and as observations, every ten seconds at most; to a terminal as it happens."""

import time
from collections.abc import Callable
from contextvars import ContextVar

import dagster as dg

EVERY_SECONDS = 10.0

terminal_listener: ContextVar[Callable[[str, int, int], None] | None] = ContextVar("terminal", default=None)
"""Where a terminal wants to hear (asset, done, total); set by the command line around an in-process run."""


class Progress:
    """Called with how much is done; tells the log, the event stream and the terminal."""

    def __init__(self, context: dg.AssetExecutionContext, unit: str) -> None:
        self._context, self._unit = context, unit
        self._asset = context.asset_key.to_user_string()
        self._began = self._told = time.monotonic()

    def __call__(self, done: int, total: int, **facts: float) -> None:
        if show := terminal_listener.get():
            show(self._asset, done, total)
        now = time.monotonic()
        if now - self._told < EVERY_SECONDS:
            return
        self._told = now
        pace = done / (now - self._began)
        told = "".join(f", {name} {value:.4g}" for name, value in facts.items())
        self._context.log.info(f"{done:,} of {total:,} {self._unit} ({_paced(pace)} a second){told}")
        metadata = {"done": done, "total": total, f"{self._unit}_per_second": pace, **facts}
        partition = self._context.partition_key if self._context.has_partition_key else None
        self._context.log_event(dg.AssetObservation(self._context.asset_key, partition=partition, metadata=metadata))


def _paced(pace: float) -> str:
    return f"{pace:,.0f}" if pace >= 10 else f"{pace:.2g}"
