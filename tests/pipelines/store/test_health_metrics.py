"""Metrics of the health of a store, read back by Prometheus's own parser."""

import sys
from dataclasses import replace

import pytest
from prometheus_client.parser import text_string_to_metric_families

from pipelines.store.health_metrics import write_metrics
from pipelines.store.run_health import RunHealth
from pipelines.store.stage_records import FAILED, Attempt, StageRecord

ATTEMPT = Attempt("2026-01-02T03:04:05.000", "run", "job", "host:1:1", 60.0, 2_000_000_000, None, 1_500)
MADE = replace(StageRecord.begun(None, "sae", 'a/"b\\', ATTEMPT).ended(ATTEMPT), succeeded_at="2026-01-02T03:05:05")
BROKEN = StageRecord.begun(None, "corpus", "c/d", ATTEMPT).failed(ATTEMPT, FAILED, "a disk is full", "empty it")
FORGOTTEN = replace(BROKEN, partition="gone/d")


def metrics(health: RunHealth, folder) -> dict[str, dict[tuple[str, ...], float]]:
    write_metrics(health, folder / "glasshouse.prom")
    families = text_string_to_metric_families((folder / "glasshouse.prom").read_text())
    return {family.name: {_labels(sample): sample.value for sample in family.samples} for family in families}


def _labels(sample) -> tuple[str, ...]:
    return tuple(sample.labels[name] for name in ("stage", "partition") if name in sample.labels)


def test_each_stage_has_its_state_and_its_cost_and_what_was_not_measured_has_no_sample(tmp_path):
    found = metrics(RunHealth([MADE, BROKEN, FORGOTTEN], {'a/"b\\', "c/d"}), tmp_path)
    made, broken, forgotten = ("sae", 'a/"b\\'), ("corpus", "c/d"), ("corpus", "gone/d")
    assert found == {
        "glasshouse_stage_healthy": {made: 1, broken: 0, forgotten: 0},
        "glasshouse_stage_last_success_timestamp_seconds": {made: 1767323105},
        "glasshouse_stage_made_seconds": {made: 60},
        "glasshouse_stage_made_peak_memory_bytes": {made: 2e9},
        "glasshouse_stage_made_peak_gpu_memory_bytes": {},
        "glasshouse_stage_made_written_bytes": {made: 1500},
        "glasshouse_failures": {(): 1},
        "glasshouse_forgotten_failures": {(): 1},
        "glasshouse_publication_is_late": {(): 1},
    }


def test_nothing_else_is_left_in_the_folder_and_a_folder_that_is_not_there_is_told(tmp_path):
    write_metrics(RunHealth([MADE]), tmp_path / "a.prom")
    assert [path.name for path in tmp_path.iterdir()] == ["a.prom"]
    with pytest.raises(ValueError, match=r"elsewhere is no folder: name a file in the folder that node_exporter reads"):
        write_metrics(RunHealth([MADE]), tmp_path / "elsewhere" / "a.prom")


def test_without_the_library_the_sentence_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with pytest.raises(ValueError, match=r"pip install 'glasshouse\[prometheus\]'"):
        write_metrics(RunHealth([MADE]), tmp_path / "a.prom")
