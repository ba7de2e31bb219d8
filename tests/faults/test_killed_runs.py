"""Any run stopped at any moment and run again leaves what one that nobody stopped leaves, and nothing else."""

import random
import signal
import sys
from dataclasses import dataclass

import pytest
import warm_house
from stopped_runs import Stop, StoppedRun, run_until
from whole_house import WholeHouse

N_RANDOM, MOST_TRIALS = 100, 200
"""Runs that are stopped, and trials of it at most: of some the time comes when they have ended."""
SIGNALS = (signal.SIGKILL, signal.SIGTERM)
SHARDS = ("activations/", "tables/feature_activation/", "saes/first/small/checkpoint/", "experiment_chunks/")
"""What goes on where it was stopped; a corpus, which is cut in a moment, is cut again."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A stopped run and the next one."""

    stop: Stop
    stage: str
    was_stopped: bool
    shards_twice: tuple[str, ...]
    files_twice: int


def tried(whole: WholeHouse, stop: Stop) -> Trial:
    """A house from nothing: stopped, run again, collected, and compared."""
    whole.clear()
    stopped = run_until(whole.context, warm_house.make, whole.root, stop)
    again = whole.finish(stop)
    twice = {path for path in set(stopped.placed) & set(again.placed) if path.startswith("data/")}
    places = tuple(f"data/{place}" for place in SHARDS)
    shards = tuple(path for path in sorted(twice) if path.startswith(places) and "manifest" not in path)
    return Trial(stop, _stage(stopped), stopped.exit_code != 0, shards, len(twice))


def _stage(run: StoppedRun) -> str:
    """The folder of the last change before a run was stopped."""
    places = [path.split("/") for _, path in run.changes if path.startswith("data/")]
    if not places:
        return "start"
    return "/".join(places[-1][1:3]) if places[-1][1] == "tables" else places[-1][1]


def _table(trials: list[Trial]) -> str:
    """Trials by the stage in which they were stopped: how many, by what, and what was made twice."""
    lines = [f"{'stopped in':32} {'SIGKILL':>8} {'SIGTERM':>8} {'shards twice':>13} {'files twice (most)':>19}"]
    for stage in sorted({trial.stage for trial in trials}):
        mine = [trial for trial in trials if trial.stage == stage]
        kills, terms = (sum(trial.stop.given == given for trial in mine) for given in SIGNALS)
        shards, twice = sum(len(trial.shards_twice) for trial in mine), max(trial.files_twice for trial in mine)
        lines.append(f"{stage:32} {kills:8} {terms:8} {shards:13} {twice:19}")
    return "\n".join(
        [*lines, f"{sum(trial.was_stopped for trial in trials)} of {len(trials)} stopped before their end"]
    )


@pytest.mark.slow
def test_random_stops_leave_equal_houses(whole: WholeHouse):
    """Half before a change drawn by chance, half some time after one; every second is asked to end, the others are
    killed."""
    chance, trials = random.Random(17), list[Trial]()
    while sum(trial.was_stopped for trial in trials) < N_RANDOM:
        number = len(trials)
        assert number < MOST_TRIALS, _table(trials)
        given = SIGNALS[number % 2]
        later = 0.0 if number % 4 < 2 else chance.uniform(0.0, 0.2)
        trials.append(tried(whole, Stop(given, chance.randrange(1, len(whole.run.changes) + 1), later)))
    sys.stdout.write(f"\n{_table(trials)}\n")
    assert max(len(trial.shards_twice) for trial in trials) <= 1


@pytest.mark.slow
def test_a_kill_before_each_manifest_leaves_an_equal_house(whole: WholeHouse):
    """The last moment at which a dataset is whole and does not exist."""
    places = [
        number
        for number, (kind, path) in enumerate(whole.run.changes, 1)
        if kind == "os.rename" and path.endswith("_manifest.json")
    ]
    trials = [tried(whole, Stop(change=place)) for place in places]
    sys.stdout.write(f"\n{_table(trials)}\n")
    assert all(trial.was_stopped for trial in trials)
    assert not any(trial.shards_twice for trial in trials)
