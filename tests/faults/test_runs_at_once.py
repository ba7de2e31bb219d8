"""Several at work with one store: on one partition, on two of one model; publishers, readers and an export."""

import time
from pathlib import Path

import dagster as dg
import pytest
import warm_house
from small_house import store_of
from stopped_runs import start
from whole_house import WholeHouse, hashes

PAUSES = (0.0, 0.5, 1.5)
"""Seconds by which the second is later."""


@pytest.mark.slow
@pytest.mark.parametrize("pause", PAUSES)
def test_two_runs_of_one_partition_leave_what_one_leaves(whole: WholeHouse, pause: float):
    whole.clear()
    runs = [start(whole.context, warm_house.make, whole.root)]
    time.sleep(pause)
    runs.append(start(whole.context, warm_house.make, whole.root))
    for ended in [run.end() for run in runs]:
        assert ended.exit_code == 0, ended.said[-3000:]
    assert hashes(whole.root) == whole.hashes
    whole.finish("two runs at once")


def make_other(root: Path) -> None:
    """The tables of `first/other`, and their publication."""
    from pipelines.runs.in_process import run_partition

    with dg.DagsterInstance.ephemeral() as instance:
        run = run_partition(store_of(root), "first/other", instance)
        assert run.success, run.error


@pytest.mark.slow
@pytest.mark.parametrize("pause", PAUSES)
def test_two_partitions_of_one_model_share_its_activations(whole: WholeHouse, pause: float):
    """They ask for different sites: the first harvests both, or each its own."""
    whole.clear()
    recipes = whole.root / "registry" / "recipes"
    other = (recipes / "small.yaml").read_text().replace("resid_post.@0.5", "mlp_out.@0.5")
    (recipes / "other.yaml").write_text(other)
    try:
        runs = [start(whole.context, warm_house.make, whole.root)]
        time.sleep(pause)
        runs.append(start(whole.context, make_other, whole.root))
        for ended in [run.end() for run in runs]:
            assert ended.exit_code == 0, ended.said[-3000:]
        both = hashes(whole.root)
        whole.clear()
        for work in (warm_house.make, make_other):
            ended = start(whole.context, work, whole.root).end()
            assert ended.exit_code == 0, ended.said[-3000:]
        assert hashes(whole.root) == both
    finally:
        (recipes / "other.yaml").unlink()
