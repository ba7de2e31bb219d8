"""One process of a launch: `python -m pipelines.launches.rank LAUNCH --rank 3`. It knows no Dagster.

It reads its order from the store that `GLASSHOUSE_HOME` names, does its part, and says how far it is on lines that
begin with `progress`. An error that only a person can mend ends it with exit code 3, and is left in the store.
"""

import argparse
import json
import os
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

from pipelines.launchers.launcher import USERS_ERROR
from pipelines.launches.launch_order import LaunchOrder
from pipelines.launches.rank_beats import beating, silences
from pipelines.launches.rank_work import GangWork, launch_stages
from pipelines.launches.shared_units import do_share
from pipelines.store.open_store import OpenStore, RankStore
from storage.remote_errors import Unreachable, remote_errors
from storage.unwritable import Unwritable

PROGRESS = "progress "
ERROR = "error"
"""How the name of a file begins in which a process says what a person must mend."""
_TOLD_EVERY = 2.0


def main(arguments: list[str] | None = None) -> int:
    """Does the part of one process; returns its exit code."""
    asked = _asked(arguments)
    if asked.write_to:
        _write_to(Path(asked.write_to) / f"rank-{asked.rank}.log")
    if asked.end_with:
        threading.Thread(target=_end_with, args=(asked.end_with,), daemon=True).start()
    store = RankStore()
    order = LaunchOrder.read(store.layout, asked.launch)
    folder = order.folder(store.layout)
    try:
        with remote_errors(), beating(folder, asked.rank):
            _do(store, order, asked.rank)
    except (ValueError, FileNotFoundError, PermissionError, Unwritable, Unreachable) as error:
        sentence = f"{type(error).__name__}: {error}"
        _say(f"failed: {sentence}")
        if isinstance(error, Unreachable) and error.may_pass:
            return 1
        with suppress(OSError):  # a store that is full takes no sentence either; the log has it
            folder.write_bytes(
                f"{ERROR}-{asked.rank}.json", json.dumps({"rank": asked.rank, "said": sentence}).encode()
            )
        return USERS_ERROR
    _say("ended")
    return 0


def _do(store: OpenStore, order: LaunchOrder, rank: int) -> None:
    _take_own_gpu()
    _say(f"began: {order.stage} {order.reading} of {', '.join(order.keys)}, {rank} of {order.world}".replace("  ", " "))
    told = _Told()
    work = launch_stages()[order.stage].work(store, order, told.line)
    if isinstance(work, GangWork):
        work.run(rank, order.world)
        return
    folder = order.folder(store.layout)
    done = do_share(work, rank, order.world, lambda: silences(folder, order.world), told.unit)
    _say(f"did {len(done)} of {work.n_units} units")


class _Told:
    """Progress as lines, at most one in two seconds."""

    def __init__(self) -> None:
        self._last = 0.0
        self._parts: dict[int, float] = {}

    def unit(self, unit: int, part: float) -> None:
        self._parts[unit] = part
        self.line(f"units {sum(self._parts.values()):.2f}", is_last=part == 1.0)

    def line(self, text: str, *, is_last: bool = False) -> None:
        now = time.monotonic()
        if is_last or now - self._last >= _TOLD_EVERY:
            self._last = now
            _say(f"{PROGRESS}{text}")


def _asked(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m pipelines.launches.rank", description=__doc__)
    parser.add_argument("launch", help="folder of the order below launches/ of the store")
    parser.add_argument("--rank", type=int, default=int(os.environ.get("RANK", "0")))
    parser.add_argument("--write-to", help="folder that gets rank-N.log; left out, the log is the output")
    parser.add_argument("--end-with", type=int, help="process whose end ends this one")
    return parser.parse_args(arguments)


def _write_to(path: Path) -> None:
    """The output of this process, and of what it starts, goes on in a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(file, stream.fileno())
    os.close(file)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _take_own_gpu() -> None:
    """Of several GPUs that it sees, a process uses the one of its number on the node."""
    number = os.environ.get("LOCAL_RANK")
    if number is None:
        return
    import torch

    if (n := torch.cuda.device_count()) > 1:
        torch.cuda.set_device(int(number) % n)


def _end_with(process: int) -> None:
    """Nobody else ends the processes of one that was killed."""
    began = _start_of(process)
    while began is not None and _start_of(process) == began:
        time.sleep(1.0)
    os._exit(1)


def _start_of(process: int) -> str | None:
    """What tells a process from a later one of the same number; None where there is none."""
    try:
        os.kill(process, 0)
        stat = Path(f"/proc/{process}/stat")
        return stat.read_text().rpartition(")")[2].split()[19] if stat.exists() else ""
    except (ProcessLookupError, FileNotFoundError):
        return None
    except PermissionError:
        return ""


if __name__ == "__main__":
    sys.exit(main())
