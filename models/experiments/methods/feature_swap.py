"""Feature swaps over a set of contrast pairs."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from torch import Tensor

from models.experiments.method import ExperimentInput, ExperimentMethod, PassCount, Rows
from models.experiments.prompt_encoding import EncodedPrompt
from models.experiments.settings.feature_swap import FeatureSwapSettings
from models.experiments.swapped_pairs import SwapCondition, swap_conditions
from models.interventions.feature_swap import swapped_logits, text_codes
from models.numerics.bootstrap import grouped_interval

Given = ExperimentInput[FeatureSwapSettings]
UNITS = {
    "answer_probability": "fraction",
    "foil_probability": "fraction",
    "logit_difference": "logit",
    "foil_is_likeliest": "fraction",
}


def _measure(given: Given, prompts: Sequence[EncodedPrompt]) -> Rows:
    conditions = swap_conditions(given)
    found = [_prompt(given, prompt, conditions) for prompt in prompts]
    plain_NM = np.array([plain_M for plain_M, _, _ in found])
    is_on_NC = np.array([is_on_C for _, _, is_on_C in found])
    return {
        "feature_swap_effect": [
            row
            for at, condition in enumerate(conditions)
            for row in _rows(given, condition, plain_NM, np.array([each[at] for _, each, _ in found]), is_on_NC[:, at])
        ]
    }


def _prompt(
    given: Given, prompt: EncodedPrompt, conditions: Sequence[SwapCondition]
) -> tuple[np.ndarray, list[np.ndarray], list[bool]]:
    """The measures of one prompt without a swap, and under each condition, the mean over its swaps; whether the feature
    that is switched off fires."""
    dictionary = given.features
    codes_PF, logits_V = text_codes(given.host, dictionary.sae, dictionary.site, prompt.token_ids, prompt.n_special)
    swaps = [swap for condition in conditions for swap in condition.swaps]
    logits_BV = swapped_logits(given.host, dictionary.sae, dictionary.written, prompt.token_ids, codes_PF, swaps)
    ends = np.cumsum([len(condition.swaps) for condition in conditions])[:-1]
    by_condition = [part.mean(0) for part in np.split(_measures(prompt, logits_BV), ends)]
    is_on = [bool((codes_PF[:, condition.pair[0]] > 0).any()) for condition in conditions]
    return _measures(prompt, logits_V[None])[0], by_condition, is_on


def _measures(prompt: EncodedPrompt, logits_BV: Tensor) -> np.ndarray:
    """Those of UNITS, a row for each row of logits."""
    answer, foil = prompt.answer_id, prompt.foil_id
    assert answer is not None
    assert foil is not None
    probability_BV, logits_BV = logits_BV.double().softmax(-1), logits_BV.double()
    columns = (
        probability_BV[:, answer],
        probability_BV[:, foil],
        logits_BV[:, answer] - logits_BV[:, foil],
        logits_BV.argmax(-1) == foil,
    )
    return np.stack([column.cpu().numpy().astype(float) for column in columns], axis=1)


def _rows(
    given: Given, condition: SwapCondition, plain_NM: np.ndarray, swapped_NM: np.ndarray, is_on_N: np.ndarray
) -> Iterator[dict[str, Any]]:
    for at, (metric, unit) in enumerate(UNITS.items()):
        effect_N = swapped_NM[:, at] - plain_NM[:, at]
        low, high = grouped_interval([prompt.group_name for prompt in given.prompts], effect_N, given.seed)
        yield {
            "recipe_id": given.features.recipe_id,
            "feature_off": condition.pair[0],
            "feature_on": condition.pair[1],
            "condition": condition.name,
            "strength": condition.strength,
            "metric": metric,
            "value": float(swapped_NM[:, at].mean()),
            "unswapped_value": float(plain_NM[:, at].mean()),
            "effect": float(effect_N.mean()),
            "ci_low": low,
            "ci_high": high,
            "unit": unit,
            "n_pairs": len(condition.swaps),
            "firing_share": float(is_on_N.mean()),
            "n_prompts": len(effect_N),
        }


def _passes(given: Given) -> PassCount:
    """A plain pass, each swap, and where the prompts choose the pair both of their texts read; of random pairs the most
    that there can be."""
    settings, n = given.settings, len(given.prompts)
    n_pairs, n_strengths = len(set(settings.pairs)) or 1, len(set(settings.strengths))
    n_swaps = n_pairs * n_strengths * (1 + settings.random_pairs)
    return PassCount(forward=n * (1 + n_swaps + (0 if settings.pairs else 2)))


def _check(given: Given) -> None:
    if not given.host.is_causal:
        raise ValueError(f"{given.host.architecture} is an encoder and predicts no next token: take a causal model")
    given.features.check([feature for pair in given.settings.pairs for feature in pair])


METHOD = ExperimentMethod(settings=FeatureSwapSettings, measure=_measure, passes=_passes, check=_check)
