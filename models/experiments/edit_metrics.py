"""Metrics of edits over the facts of an experiment, with 95 % intervals. F facts, N prompts, D draws.

Shares of prompts have Wilson's interval at the number of prompts that would tell as much, since those of one fact are
alike; everything else is bootstrapped over facts.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from models.experiments.edit_outcome import EditOutcome
from models.experiments.edited_fact import SPLITS
from models.numerics.bootstrap import ratio_interval, statistic_interval
from models.numerics.clustered_intervals import Clusters
from models.numerics.metrics_with_ci import share

NAMES = {"rewrite": "efficacy", "paraphrase": "paraphrase", "neighborhood": "neighborhood"}


def metric_rows(outcomes: Sequence[EditOutcome], seed: int) -> Iterator[dict[str, Any]]:
    """Rows of `edit_metric` for the facts under one state of the weights."""
    for split in SPLITS:
        yield from _split_rows(outcomes, split, seed)
    yield from _harmonic_row(outcomes, seed)
    for metric, unit in (("ngram_entropy", "bits"), ("corpus_loss", "nats/token")):
        values = [value for outcome in outcomes if (value := getattr(outcome, metric)) is not None]
        if values:
            value_F = np.array(values)
            interval = ratio_interval(value_F, np.ones(len(value_F)), seed)
            yield _row(metric, float(value_F.mean()), interval, len(value_F), len(value_F), unit)


def _split_rows(outcomes: Sequence[EditOutcome], split: str, seed: int) -> Iterator[dict[str, Any]]:
    pairs = [
        (number, prompt)
        for number, outcome in enumerate(outcomes)
        for prompt in outcome.prompts
        if prompt.split == split
    ]
    if not pairs:
        return
    fact_N = np.array([number for number, _ in pairs])
    right_N = np.array([prompt.is_success for _, prompt in pairs], dtype=float)
    n_facts, n = len(np.unique(fact_N)), len(pairs)
    value_L, low_L, high_L = share(Clusters(np.zeros(n, dtype=int), fact_N, 1), right_N)
    interval = (float(low_L[0]), float(high_L[0]))
    yield _row(f"{NAMES[split]}_score", float(value_L[0]), interval, n_facts, n, "fraction")
    magnitude_F, n_F = (np.bincount(fact_N, each_N) for each_N in ([p.magnitude for _, p in pairs], np.ones(n)))
    here_F = n_F > 0
    interval = ratio_interval(magnitude_F[here_F], n_F[here_F], seed)
    mean = float(magnitude_F.sum() / n)
    yield _row(f"{NAMES[split]}_magnitude", mean, interval, n_facts, n, "probability")


def _harmonic_row(outcomes: Sequence[EditOutcome], seed: int) -> Iterator[dict[str, Any]]:
    """S: the harmonic mean of the three shares, of facts that have prompts of all three splits."""
    table = [_hits(outcome) for outcome in outcomes]
    whole = [each for each in table if all(n for _, n in each)]
    if not whole:
        return
    hits_FS, n_FS = (np.array([[pair[side] for pair in each] for each in whole], dtype=float) for side in (0, 1))

    def harmonic(weights_DF: np.ndarray) -> np.ndarray:
        share_DS = (weights_DF @ hits_FS) / (weights_DF @ n_FS)
        with np.errstate(divide="ignore"):
            return 3 / (1 / share_DS).sum(-1)

    interval = statistic_interval(harmonic, len(whole), seed)
    value = float(harmonic(np.ones((1, len(whole))))[0])
    yield _row("harmonic_score", value, interval, len(whole), int(n_FS.sum()), "fraction")


def _hits(outcome: EditOutcome) -> list[tuple[int, int]]:
    """Successes and prompts of each split."""
    of_split = [[prompt.is_success for prompt in outcome.prompts if prompt.split == split] for split in SPLITS]
    return [(sum(each), len(each)) for each in of_split]


def _row(
    metric: str, value: float, interval: tuple[float, float] | None, n_facts: int, n_prompts: int, unit: str
) -> dict[str, Any]:
    low, high = interval or (None, None)
    counts = {"n_facts": n_facts, "n_prompts": n_prompts}
    return {"metric": metric, "value": value, "ci_low": low, "ci_high": high, "unit": unit} | counts
