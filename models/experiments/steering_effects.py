"""How strongly steering worked over the prompts: means with intervals, and the strength that is best."""

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from models.experiments.prompt_encoding import EncodedPrompt
from models.numerics.bootstrap import grouped_interval

UNITS = {
    "target_log_probability": "nats",
    "surprise": "nats",
    "repetition": "fraction",
    "kl": "nats",
    "steering_score": "fraction",
    "judge_concept": "rating",
    "judge_instruction": "rating",
    "judge_fluency": "rating",
    "judge_hmean": "rating",
}
SPLITS = {"all": ("selection", "report"), "selection": ("selection",), "report": ("report",)}


def steering_score(steered: Mapping[str, float], plain: Mapping[str, float]) -> float:
    """Harmonic mean of three things from 0 to 1 that steering has to reach at once.

    1 − p₀/p, p and p₀ the probability of the concept's tokens with steering and without: doubled is a half, tenfold .9,
    so that among strengths that bring the concept the others decide; exp(−d), d the nats a token by which the text
    surprises the plain model more than its own text does; the share of trigrams that are new, which a loop has not. The
    manner is AxBench's (arXiv:2501.17148), whose three are a judge's ratings of concept, instruction and fluency.

    Args:
        steered: `target_log_probability`, `surprise` and `repetition` of what is written under the condition.
        plain: The same of the plain model's text.
    """
    gain = min(0.0, plain["target_log_probability"] - steered["target_log_probability"])
    excess = min(0.0, plain["surprise"] - steered["surprise"])
    parts = -math.expm1(gain), math.exp(excess), 1 - steered["repetition"]
    return 0.0 if min(parts) <= 0 else len(parts) / sum(1 / part for part in parts)


def steering_effects(
    completions: Sequence[Mapping[str, Any]],
    prompts: Sequence[EncodedPrompt],
    targets: Mapping[int, Sequence[str]],
    seed: int = 0,
) -> Iterator[dict[str, Any]]:
    """One row for each feature, condition, strength, half of the prompts and measure.

    Args:
        completions: Rows of `steering_completion`.
        prompts: Those of the experiment: intervals draw their groups.
        targets: Tokens of each feature's concept.
        seed: Of the draws.
    """
    by_id = {prompt.prompt_id: prompt for prompt in prompts}
    together = defaultdict[tuple[int, str, float], list[Mapping[str, Any]]](list)
    for row in completions:
        together[row["feature_id"], row["condition"], row["strength"]].append(row)
    best = _best_strengths(together)
    for (feature, condition, strength), rows in together.items():
        for split, halves in SPLITS.items():
            for metric, unit in UNITS.items():
                chosen = [row for row in rows if row["split"] in halves and row.get(metric) is not None]
                if chosen:
                    yield {
                        "recipe_id": rows[0]["recipe_id"],
                        "feature_id": feature,
                        "condition": condition,
                        "strength": strength,
                        "split": split,
                        "metric": metric,
                        **_effect(chosen, [by_id[row["prompt_id"]] for row in chosen], metric, seed),
                        "unit": unit,
                        "n_prompts": len(chosen),
                        "is_best": strength == best.get((feature, condition)),
                        "target_tokens": list(targets[feature]),
                    }


def _best_strengths(
    together: Mapping[tuple[int, str, float], Sequence[Mapping[str, Any]]],
) -> dict[tuple[int, str], float]:
    """The strength of the highest mean on the selecting half, of the judge's ratings where there are any, else of the
    score; of equal ones the weakest."""
    means: dict[tuple[int, str], list[tuple[float, float, float]]] = {}
    is_rated = any(row.get("judge_hmean") is not None for rows in together.values() for row in rows)
    metric = "judge_hmean" if is_rated else "steering_score"
    for (feature, condition, strength), rows in together.items():
        of_half = [row[metric] for row in rows if row["split"] == "selection" and row.get(metric) is not None]
        if of_half:
            here = (float(np.mean(of_half)), -abs(strength), strength)
            means.setdefault((feature, condition), []).append(here)
    return {key: max(candidates)[-1] for key, candidates in means.items()}


def _effect(
    rows: Sequence[Mapping[str, Any]], prompts: Sequence[EncodedPrompt], metric: str, seed: int
) -> dict[str, float | None]:
    """Mean, what it is without steering, and the difference with its interval over the prompts' groups."""
    steered = np.array([row[metric] for row in rows])
    plain = np.array([row.get(f"unsteered_{metric}") or 0.0 for row in rows])
    low, high = grouped_interval([prompt.group_name for prompt in prompts], steered - plain, seed)
    return {
        "value": float(steered.mean()),
        "unsteered_value": float(plain.mean()),
        "effect": float((steered - plain).mean()),
        "ci_low": low,
        "ci_high": high,
    }
