"""What a place carries over all prompts: the share of the difference between the runs that a patch of it makes, with an
interval.

Prompts have positions of their own, so that only those are averaged which mean the same in all: the first at which the
runs differ, and the last. Heads are patched at all positions.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from models.experiments.method import ExperimentInput
from models.experiments.patching_places import first_changed
from models.experiments.prompt_encoding import EncodedPrompt
from models.experiments.settings.activation_patching import ActivationPatchingSettings
from models.numerics.bootstrap import grouped_interval

Given = ExperimentInput[ActivationPatchingSettings]
KEY = ("direction", "method", "site", "layer", "head", "place")


def mean_rows(given: Given, effects: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Rows of `patching_mean` of those of `patching_effect`."""
    prompts = {prompt.prompt_id: prompt for prompt in given.prompts}
    changed = {key: first_changed(prompt, given.settings.corruption) for key, prompt in prompts.items()}
    cells = defaultdict[tuple[Any, ...], list[Mapping[str, Any]]](list)
    for row in effects:
        if row.get("recipe_id") is not None:  # which feature stands in a row differs from prompt to prompt
            continue
        for place in _places(row["position"], changed[row["prompt_id"]], prompts[row["prompt_id"]]):
            named = {**row, "place": place}
            cells[tuple(named[name] for name in KEY)].append(row)
    for key, rows in cells.items():
        yield dict(zip(KEY, key, strict=True)) | _mean(given, rows, prompts)


def _places(position: int | None, changed: int, prompt: EncodedPrompt) -> list[str]:
    if position is None:
        return ["all"]
    return ["first_changed"] * (position == changed) + ["last"] * (position == len(prompt.token_ids) - 1)


def _mean(given: Given, rows: Sequence[Mapping[str, Any]], prompts: Mapping[int, EncodedPrompt]) -> dict[str, Any]:
    effect_N = np.array([row["effect"] for row in rows])
    sign_N = np.array([1 if row["direction"] == "denoising" else -1 for row in rows])
    span_N = sign_N * np.array([row["clean_metric"] - row["corrupt_metric"] for row in rows])
    total = float(span_N.sum())
    asked = [prompts[row["prompt_id"]] for row in rows]
    low, high = grouped_interval([prompt.group_name for prompt in asked], effect_N, given.seed, span_N)
    return {
        "effect": float(effect_N.mean()),
        "share": float(effect_N.sum()) / total if total else None,
        "share_ci_low": low,
        "share_ci_high": high,
        "n_prompts": len(rows),
    }
