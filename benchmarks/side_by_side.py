"""Times several ways of doing a thing in turn, A B C A B C …, so that a machine's drift meets all of them alike."""

import statistics
import time
from collections.abc import Callable, Mapping


def medians(
    ways: Mapping[str, Callable[[], object]],
    rounds: int = 7,
    warm: int = 1,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, float]:
    """Median seconds of each way over the rounds by a clock, after `warm` rounds that do not count."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(warm + rounds):
        for name, way in ways.items():
            began = clock()
            way()
            if number >= warm:
                seconds[name].append(clock() - began)
    return {name: statistics.median(taken) for name, taken in seconds.items()}


def table(seconds: dict[str, float], against: str, work: float = 0.0, unit: str = "") -> None:
    """Prints each way's time, its ratio to one of them, and, where work is given, its rate."""
    for name, taken in seconds.items():
        rate = f"  {work / taken:14,.0f} {unit}/s" if work else ""
        print(f"{name:44s} {taken * 1e3:10.1f} ms  {taken / seconds[against]:7.2f} x {against}{rate}", flush=True)
