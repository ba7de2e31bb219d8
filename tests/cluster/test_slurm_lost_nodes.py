"""Nodes that are killed or stopped on a real Slurm, a controller that is restarted, shards that are gone."""

import os
import signal
import time
from pathlib import Path

import dagster as dg
import pytest
from cluster_runs import KEY, OF_TRAINING, Watched, checkpoints, harvested, records, shown, write_card

from pipelines.runs.in_process import write_tables
from storage.manifest import Manifest

pytestmark = pytest.mark.slow


def test_a_node_killed_in_mid_harvest_costs_the_shard_in_flight(empty, harvested_alone, cluster):
    write_card(empty, seconds_a_unit=1.0)
    run = Watched(empty, "harvest")
    run.until(lambda: len(records(empty)) >= 3)
    cluster.kill("n2")
    kept = len(records(empty))
    result = run.result()
    assert (result.success, result.error) == (True, None)
    assert harvested(empty) == harvested_alone
    shown("node killed in mid-harvest", shards=len(harvested(empty).files), kept=kept)
    cluster.start("n2")


def test_a_node_killed_in_mid_training_costs_what_came_after_the_checkpoint(empty, cluster):
    write_card(empty, seconds_a_unit=1.5)
    registration = empty.registration(KEY)
    with dg.DagsterInstance.ephemeral() as instance:
        assert write_tables(empty, KEY, instance, "harvest").success
        with pytest.MonkeyPatch.context() as patch:  # whatever of ours a test finds in the environment is deleted
            patch.setenv("GLASSHOUSE_TRAINING_PROCESSES", "2")
            assert write_tables(empty, KEY, instance, "train").success
    by_two = Manifest.read(empty.layout.sae(registration))
    assert by_two is not None
    for folder in (empty.layout.sae(registration), *(empty.layout.table(name, registration) for name in OF_TRAINING)):
        folder.remove()
    run = Watched(empty, "train")
    run.until(lambda: len(checkpoints(empty)) and checkpoints(empty)[0].name > "step-000000010")
    cluster.kill("n2")
    at = checkpoints(empty)[0].name
    time.sleep(20)
    cluster.start("n2")
    result = run.result()
    assert (result.success, result.error) == (True, None), run.messages[-30:]
    made = Manifest.read(empty.layout.sae(registration))
    assert made is not None
    assert [(file.name, file.sha256) for file in made.files] == [(file.name, file.sha256) for file in by_two.files]
    assert made.facts == by_two.facts
    shown("node killed in mid-training", checkpoint=at)


def test_a_rank_that_is_stopped_for_a_minute_is_named_and_holds_up_nobody(empty, harvested_alone, cluster):
    write_card(empty, seconds_a_unit=2.0)
    run = Watched(empty, "harvest")
    run.until(lambda: len(records(empty)) >= 2)
    stopped = cluster.ranks("n2")
    assert stopped
    for process in stopped:
        os.kill(process, signal.SIGSTOP)
    began = time.monotonic()
    try:
        result = run.result()
    finally:
        for process in stopped:
            if Path(f"/proc/{process}").exists():
                os.kill(process, signal.SIGCONT)
    assert (result.success, result.error) == (True, None)
    assert harvested(empty) == harvested_alone
    named = [text for text in run.messages if "gave no sign of life" in text]
    assert named, run.messages[-30:]
    shown("rank stopped", seconds=round(time.monotonic() - began), said=named[0])


def test_of_half_the_shards_deleted_only_those_are_made_again(empty, harvested_alone, cluster):
    write_card(empty, seconds_a_unit=0.5)
    run = Watched(empty, "harvest")
    run.until(lambda: len(records(empty)) >= 8)
    folder = Path(empty.layout.root.path)
    shards = sorted(folder.glob("activations/first/*/shard-*"))
    gone = shards[::2]
    for path in gone:
        path.unlink()
    kept = {path: path.stat().st_mtime_ns for path in shards[1::2]}
    result = run.result()
    assert (result.success, result.error) == (True, None)
    assert harvested(empty) == harvested_alone
    assert {path: path.stat().st_mtime_ns for path in kept} == kept, "a shard that was there was made again"
    shown("half of the shards deleted", deleted=len(gone), kept=len(kept))


def test_a_controller_that_is_restarted_is_waited_for(empty, harvested_alone, cluster):
    write_card(empty, seconds_a_unit=1.0)
    run = Watched(empty, "harvest")
    run.until(lambda: len(records(empty)) >= 2)
    cluster.kill("controller")
    time.sleep(10)
    cluster.start("controller")
    result = run.result()
    assert (result.success, result.error) == (True, None)
    assert harvested(empty) == harvested_alone
