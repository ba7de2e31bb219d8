"""An interpreter for machine cards of tests: shards are small, and each unit takes as long as a fault needs to come.

Called as `python` is, with `-m MODULE …`.
"""

import os
import runpy
import sys
import time

SMALL = 1024
"""Tokens of a shard."""
SECONDS = "TEST_SECONDS_A_UNIT"


def slow(kind: type, name: str = "do") -> None:
    whole = getattr(kind, name)

    def after_a_while(self, *arguments):
        time.sleep(float(os.environ.get(SECONDS, "0")))
        return whole(self, *arguments)

    setattr(kind, name, after_a_while)


def main() -> None:
    sys.path.insert(0, os.getcwd())
    begin = sys.argv.index("-m") + 1  # torchrun says -u before it
    module, sys.argv = sys.argv[begin], sys.argv[begin:]
    if module.startswith("pipelines."):
        from models.activations import harvest
        from models.activations.harvest_by_rank import HarvestingProcess
        from models.training.run import TrainingRun

        harvest.SHARD_TOKENS = SMALL
        slow(HarvestingProcess)
        slow(TrainingRun, "checkpoint")
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
