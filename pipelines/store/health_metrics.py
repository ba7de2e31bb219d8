"""The health of a store as metrics for Prometheus: gauges of each stage of each partition, and what waits for people.

Stages are runs that end, so their metrics are a file that node_exporter's textfile collector reads, and no endpoint.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from pipelines.store.run_health import RunHealth
from pipelines.store.stage_records import RUNNING, SUCCEEDED, StageRecord

COSTS = {
    "made_seconds": ("seconds", "Seconds that the last run took which made something"),
    "made_peak_memory_bytes": ("peak_memory_bytes", "Peak memory of that run"),
    "made_peak_gpu_memory_bytes": ("peak_gpu_bytes", "Peak memory of its accelerator"),
    "made_written_bytes": ("written_bytes", "Bytes that it wrote into the store"),
}
"""Names of gauges, the fields of an attempt that they show, and their meaning."""


def write_metrics(health: RunHealth, file: Path) -> None:
    """Writes the metrics in Prometheus's text format; who reads the file meanwhile has the whole of one of the two.

    Raises:
        ValueError: If the client library of Prometheus is not installed, or the folder of the file is not there.
    """
    try:
        from prometheus_client import CollectorRegistry, write_to_textfile
        from prometheus_client.registry import Collector
    except ImportError as error:
        raise ValueError(
            "metrics are written by Prometheus's own library, and prometheus_client is not installed: "
            "pip install 'glasshouse[prometheus]'"
        ) from error
    if not file.parent.is_dir():
        raise ValueError(f"{file.parent} is no folder: name a file in the folder that node_exporter reads")

    class Gauges(Collector):
        def collect(self) -> Iterator:
            return _gauges(health)

    registry = CollectorRegistry(auto_describe=False)
    registry.register(Gauges())
    write_to_textfile(str(file), registry)


def _gauges(health: RunHealth) -> Iterator:
    from prometheus_client.core import GaugeMetricFamily

    def of_stages(name: str, meaning: str, values: list[tuple[StageRecord, float | None]]) -> GaugeMetricFamily:
        gauge = GaugeMetricFamily(f"glasshouse_stage_{name}", meaning, labels=("stage", "partition"))
        for record, value in values:
            if value is not None:
                gauge.add_metric((record.stage, record.partition), value)
        return gauge

    records = health.records
    yield of_stages(
        "healthy",
        "1 if the last run succeeded or is under way, 0 if somebody must look or no card asks for it any more",
        [(record, float(record.status in (RUNNING, SUCCEEDED))) for record in records],
    )
    yield of_stages(
        "last_success_timestamp_seconds",
        "When a run succeeded last, in seconds since 1970",
        [(record, _timestamp(record.succeeded_at)) for record in records],
    )
    for name, (field, meaning) in COSTS.items():
        costs = [(record, getattr(record.made, field) if record.made else None) for record in records]
        yield of_stages(name, meaning, costs)
    counts = {
        "failures": ("Stages that a card asks for and whose last run did not succeed", len(health.failures)),
        "forgotten_failures": ("Stages that failed and that no card asks for any more", len(health.forgotten)),
        "publication_is_late": ("1 if tables have waited for an hour to be published", bool(health.late_publication())),
    }
    for name, (meaning, value) in counts.items():
        yield GaugeMetricFamily(f"glasshouse_{name}", meaning, value=float(value))


def _timestamp(moment: str | None) -> float | None:
    """Seconds since 1970 of a moment in UTC."""
    return datetime.fromisoformat(moment).replace(tzinfo=UTC).timestamp() if moment else None
