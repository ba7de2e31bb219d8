"""Training runs over activations that are held in memory, any number of them on one reading.

A run is small here (minutes at most) and keeps no checkpoint: who calls keeps what comes out.
"""

import math
from collections.abc import Callable, Sequence
from itertools import islice

from models.activations.held_activations import HeldActivations
from models.training.run import TrainingRun
from models.training.trainer import Diverged


def advance_together(
    runs: Sequence[TrainingRun], source: HeldActivations, seed: int, watch: Callable[[int], None] = lambda step: None
) -> None:
    """Takes every run to its end on the same batches.

    Args:
        runs: Of one batch size.
        source: What they read.
        seed: Of the order of the tokens.
        watch: Told the number of steps that were taken, after each.

    Raises:
        Diverged: If a loss is NaN or Inf.
    """
    [batch] = {run.plan.batch_tokens for run in runs}
    last = max(run.plan.n_steps for run in runs)
    for step, rows_TD in enumerate(islice(source.batches(batch, seed), last)):
        for run in runs:
            if not run.done and not math.isfinite(loss := run.advance(rows_TD)):
                raise Diverged(
                    f"loss of a dictionary of {run.sae.n_features:,} features is {loss} at step {step} of "
                    f"{run.plan.n_steps}, learning rate {run.plan.rate(step):.2g}: lower learning_rate"
                )
        watch(step + 1)
