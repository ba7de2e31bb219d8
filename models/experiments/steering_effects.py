"""How strongly steering worked over the prompts: means with intervals, and the strength that is best."""

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from models.numerics.bootstrap import ratio_interval

UNITS = {
    "target_log_probability": "nats",
    "surprise": "nats",
    "repetition": "fraction",
    "kl": "nats",
    "steering_score": "fraction",
}
SPLITS = {"all": ("selection", "report"), "selection": ("selection",), "report": ("report",)}


def steering_score(
    target_log_probability: float, surprise: float, repetition: float, unsteered_surprise: float
) -> float:
    """Harmonic mean of three things from 0 to 1 that steering has to reach at once.

    The probability of the concept's tokens; exp(−d), d the nats a token by which the text surprises the plain model
    more than its own text does; the share of trigrams that are new. The manner is AxBench's (arXiv:2501.17148), whose
    three are a judge's ratings of concept, instruction and fluency.
    """
    parts = math.exp(target_log_probability), math.exp(min(0.0, unsteered_surprise - surprise)), 1 - repetition
    return 0.0 if min(parts) <= 0 else len(parts) / sum(1 / part for part in parts)


def steering_effects(
    completions: Sequence[Mapping[str, Any]], targets: Mapping[int, Sequence[str]]
) -> Iterator[dict[str, Any]]:
    """One row for each feature, condition, strength, half of the prompts and measure.

    Args:
        completions: Rows of `steering_completion`.
        targets: Tokens of each feature's concept.
    """
    together = defaultdict[tuple[int, str, float], list[Mapping[str, Any]]](list)
    for row in completions:
        together[row["feature_id"], row["condition"], row["strength"]].append(row)
    best = _best_strengths(together)
    for (feature, condition, strength), rows in together.items():
        for split, halves in SPLITS.items():
            if chosen := [row for row in rows if row["split"] in halves]:
                for metric, unit in UNITS.items():
                    yield {
                        "recipe_id": rows[0]["recipe_id"],
                        "feature_id": feature,
                        "condition": condition,
                        "strength": strength,
                        "split": split,
                        "metric": metric,
                        **_effect(chosen, metric),
                        "unit": unit,
                        "n_prompts": len(chosen),
                        "is_best": strength == best[feature, condition],
                        "target_tokens": list(targets[feature]),
                    }


def _best_strengths(
    together: Mapping[tuple[int, str, float], Sequence[Mapping[str, Any]]],
) -> dict[tuple[int, str], float]:
    """The strength of the highest mean score on the selecting half; of equal ones the weakest."""
    scores: dict[tuple[int, str], list[tuple[float, float, float]]] = {}
    for (feature, condition, strength), rows in together.items():
        of_half = [row["steering_score"] for row in rows if row["split"] == "selection"]
        if of_half:
            here = (float(np.mean(of_half)), -abs(strength), strength)
            scores.setdefault((feature, condition), []).append(here)
    return {key: max(candidates)[-1] for key, candidates in scores.items()}


def _effect(rows: Sequence[Mapping[str, Any]], metric: str) -> dict[str, float | None]:
    """Mean, what it is without steering, and the difference with its interval over the prompts."""
    steered = np.array([row[metric] for row in rows])
    plain = np.array([row.get(f"unsteered_{metric}", 0.0) for row in rows])
    low, high = ratio_interval(steered - plain, np.ones(len(rows))) or (None, None)
    return {
        "value": float(steered.mean()),
        "unsteered_value": float(plain.mean()),
        "effect": float((steered - plain).mean()),
        "ci_low": low,
        "ci_high": high,
    }
