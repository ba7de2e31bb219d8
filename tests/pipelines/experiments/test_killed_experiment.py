"""A run of an experiment that is killed goes on after its last chunk, and ends with the rows of one that was not."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from experiment_house import PROMPTS, experiment_house

from pipelines.experiments.experiment_run import run_experiment
from pipelines.store.store import Store

N_PROMPTS = 400


def rows_of(store: Store, table: str) -> list[dict]:
    return store.tables.read_rows(store.layout.table_at(table, model_id="m", experiment_id="asked"))


def started(store: Store, root: Path) -> subprocess.Popen[bytes]:
    places = {"HOME": store.home, "REGISTRY": store.registry, "WAREHOUSE": store.warehouse}
    environment = os.environ | {f"GLASSHOUSE_{name}": str(value) for name, value in places.items()}
    command = [sys.executable, "-c", "from pipelines.cli.main import main; main()", "experiment", "asked"]
    environment |= {"DAGSTER_HOME": str(root / "dagster"), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    (root / "dagster").mkdir(exist_ok=True)
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@pytest.mark.slow
def test_a_killed_process_loses_no_finished_chunk(tmp_path: Path):
    prompts = [PROMPTS[number % len(PROMPTS)] for number in range(N_PROMPTS)]
    store = experiment_house(tmp_path / "killed", {"method": "logit_lens"}, prompts)
    process = started(store, tmp_path)
    kept = Path(store.layout.experiment_chunks("m", "asked").path)
    until = time.monotonic() + 180
    while len(finished := sorted(kept.glob("*/chunk-*.json"))) < 3:
        assert process.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < until
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    finished = sorted(kept.glob("*/chunk-*.json"))
    assert 3 <= len(finished) < N_PROMPTS / 8
    assert not rows_of(store, "experiment")
    done: list[tuple[int, int]] = []
    written = {file: file.stat().st_mtime_ns for file in finished}
    read_before_removal: dict[Path, int] = {}

    def noted(*step: int) -> None:
        done.append((step[0], step[1]))
        if not read_before_removal:
            read_before_removal.update({file: file.stat().st_mtime_ns for file in finished})

    run_experiment(store, store.experiment("m/asked"), noted)
    assert read_before_removal == written, "finished chunks are not measured again"
    whole = experiment_house(tmp_path / "whole", {"method": "logit_lens"}, prompts)
    run_experiment(whole, whole.experiment("m/asked"))
    for table in ("logit_lens", "prompt"):
        assert rows_of(store, table) == rows_of(whole, table), table
