"""Experiment cards that change start runs of their method: each change once, and nothing else."""

import os
from pathlib import Path

import dagster as dg
import pytest
from experiment_house import PROMPTS, experiment_house, write_card

from pipelines.definitions import defs
from pipelines.experiment_sensor import new_experiments
from pipelines.store.store import Store


class Daemon:
    """Evaluates the sensor as Dagster's daemon does."""

    def __init__(self, store: Store, instance: dg.DagsterInstance) -> None:
        self.store, self.instance, self.cursor, self.reason = store, instance, "", ""

    def tick(self) -> list[dg.RunRequest]:
        with dg.build_sensor_context(
            instance=self.instance, cursor=self.cursor or None, definitions=defs, resources={"store": self.store}
        ) as context:
            result = new_experiments(context)
        assert isinstance(result, dg.SensorResult)
        for request in result.dynamic_partitions_requests or ():
            self.instance.add_dynamic_partitions(request.partitions_def_name, request.partition_keys)
        self.cursor = result.cursor or self.cursor
        self.reason = (result.skip_reason.skip_message or "") if result.skip_reason else ""
        return list(result.run_requests or ())


@pytest.fixture
def daemon(tmp_path: Path):
    with dg.DagsterInstance.ephemeral() as instance:
        yield Daemon(experiment_house(tmp_path, {"method": "logit_lens"}), instance)


def test_a_card_runs_once_and_each_change_of_it_once(daemon: Daemon, tmp_path: Path):
    [request] = daemon.tick()
    assert (request.job_name, request.partition_key) == ("experiment_logit_lens", "m/asked")
    assert daemon.instance.get_dynamic_partitions("logit_lens") == ["m/asked"]
    assert daemon.tick() == []
    assert daemon.reason == "1 registered, none new or changed"
    file = write_card(tmp_path, "experiments/asked", {"method": "logit_lens", "prompt_set": "some", "seed": 1})
    [changed] = daemon.tick()
    assert changed.run_key != request.run_key
    write_card(tmp_path, "prompt_sets/some", {"prompts": PROMPTS[:2]})
    assert len(daemon.tick()) == 1
    later = file.stat().st_mtime + 5
    os.utime(file, (later, later))
    assert daemon.tick() == [], "touched, the same content, and no run of it failed"


def test_a_card_that_cannot_be_read_is_said_and_the_others_run(daemon: Daemon, tmp_path: Path):
    write_card(tmp_path, "experiments/other", {"method": "logit_lens", "prompt_set": "absent"})
    assert [request.partition_key for request in daemon.tick()] == ["m/asked"]
    daemon.tick()
    assert "absent is not in prompt_sets" in daemon.reason
