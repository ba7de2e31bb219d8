"""Positions and tokens that hold most of a site's variance: a dictionary trained there learns little else."""

import math
from collections.abc import Callable, Mapping
from typing import Any

SHARE = 0.05
"""A position or token dominates where it holds more than this share of the variance, and …"""
EXCESS = 4.0
"""… its rows lie farther from the mean than the other rows do: their mean squared distance is more than so many times
theirs."""


def excess(n: float, share: float, n_all: float) -> float:
    """How many times as far from the mean as the other rows some rows lie, by their mean squared distances; infinite
    where they hold all of the variance."""
    others, rest = n_all - n, 1 - share
    if others <= 0 or n <= 0:
        return 1.0
    return math.inf if rest <= 0 else share / n / (rest / others)


def dominance_sentences(profile: Mapping[str, Any], spelled: Callable[[int], str] = str) -> list[str]:
    """The positions and tokens that dominate a profile (as `facts` gives it), in sentences; none in a healthy one.

    A position most of whose rows are left out for their norm is a sink as well: outliers are strays.
    """
    n, sentences = profile["n_tokens"], list[str]()
    for row in profile["positions"]:
        if row["n_outliers"] > max(1, row["n_tokens"]):
            sentences.append(
                f"{_positions(row)} has {row['n_outliers']:,} of its {row['n_outliers'] + row['n_tokens']:,} rows left "
                "out for their norm"
            )
        if row["variance_share"] > SHARE and excess(row["n_tokens"], row["variance_share"], n) > EXCESS:
            sentences.append(_sentence(_positions(row), row, n, f" and has a mean norm of {row['mean_norm']:.4g}"))
    for row in profile["tokens"]:
        if row["variance_share"] > SHARE and excess(row["n_tokens"], row["variance_share"], n) > EXCESS:
            sentences.append(_sentence(f"token {spelled(row['token_id'])}", row, n))
    return sentences


def _positions(row: Mapping[str, Any]) -> str:
    first, last = row["position_first"], row["position_last"]
    return f"position {first}" if first == last else f"positions {first} to {last}"


def _sentence(what: str, row: Mapping[str, Any], n: int, more: str = "") -> str:
    return (
        f"{what} is {row['n_tokens'] / n:.2%} of the rows and holds {row['variance_share']:.1%} of the variance{more}"
    )
