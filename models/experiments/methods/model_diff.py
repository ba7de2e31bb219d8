"""A model and another one read with the same dictionary, context by context."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from scipy.sparse import csr_array

from models.comparison.feature_drift import feature_drift
from models.comparison.representation_similarity import linear_cka
from models.experiments.kept_results import pieces
from models.experiments.method import ExperimentInput, ExperimentMethod, PassCount, Rows
from models.experiments.other_model import check_same_tokens, read_text
from models.experiments.prompt_encoding import EncodedPrompt
from models.experiments.settings.model_diff import ModelDiffSettings
from models.language_model.hooked_model import HookedModel

Given = ExperimentInput[ModelDiffSettings]
SIDES = ("own", "other")


def _measure(given: Given, prompts: Sequence[EncodedPrompt]) -> Rows:
    """All texts belong together: a drift is over contexts."""
    parts = [
        given.kept.result(f"contexts {piece}", lambda at=at: _read(given, range(*at.indices(len(given.prompts)))))
        for piece, at in pieces(len(given.prompts))
    ]
    shape = (len(given.prompts), given.features.n_features)
    counts = []
    for side in SIDES:
        context, feature, n = (
            torch.cat([part[f"{side} {name}"] for part in parts]).numpy() for name in ("context", "feature", "n")
        )
        counts.append(csr_array((n.astype(np.float64), (context, feature)), shape=shape))
    tokens_C = torch.cat([part["tokens"] for part in parts]).numpy().astype(np.float64)
    x, y = (torch.cat([part[f"{side} x"] for part in parts]).numpy() for side in SIDES)
    fvu = {
        side: _fvu([part[f"{side} error"] for part in parts], values)
        for side, values in zip(SIDES, (x, y), strict=True)
    }
    return {
        "feature_drift": list(_feature_rows(given, counts[0], counts[1], tokens_C)),
        "representation_similarity": list(_similarity_rows(given, fvu, x, y)),
    }


@torch.no_grad()
def _read(given: Given, places: range) -> dict[str, Any]:
    rows: dict[str, list[torch.Tensor]] = {}
    for place in places:
        prompt = given.prompts[place]
        for side, host in zip(SIDES, (given.host, given.compared.host), strict=True):
            for name, each in _of_text(given, host, prompt, place).items():
                rows.setdefault(f"{side} {name}", []).append(each)
        rows.setdefault("tokens", []).append(torch.tensor([len(prompt.token_ids) - _first(given, prompt)]))
    return {name: torch.cat(each) for name, each in rows.items()}


def _of_text(given: Given, host: HookedModel, prompt: EncodedPrompt, place: int) -> dict[str, torch.Tensor]:
    """How often each feature fires in a text, and what the dictionary leaves of it."""
    dictionary = given.features
    reading = read_text(host, dictionary.site, prompt.token_ids, prompt.n_special, prompt.prompt.text)
    x_PD = reading.x_PD[_first(given, prompt) - prompt.n_special :]
    codes = dictionary.sae.encode(x_PD)
    features, n = codes.fired()[1].unique(return_counts=True)
    error = (x_PD - dictionary.sae.guess(x_PD, codes)).square().sum()
    context = torch.full((len(features),), place)
    return {
        "context": context,
        "feature": features.cpu(),
        "n": n.cpu(),
        "error": error[None].double().cpu(),
        "x": x_PD.cpu(),
    }


def _first(given: Given, prompt: EncodedPrompt) -> int:
    return max(prompt.n_special, given.settings.skip_tokens)


def _fvu(errors: Sequence[torch.Tensor], x_SD: np.ndarray) -> float:
    x_SD = x_SD.astype(np.float64)
    return float(torch.cat(list(errors)).sum()) / max(float(((x_SD - x_SD.mean(0)) ** 2).sum()), 1e-30)


def _feature_rows(
    given: Given, own_CF: csr_array, other_CF: csr_array, tokens_C: np.ndarray
) -> Iterator[dict[str, Any]]:
    found = feature_drift(own_CF, other_CF, tokens_C)
    drifted_F, other_id = found.drifted_F, given.compared.model_id
    for feature in np.flatnonzero((found.rate_F > 0) | (found.other_rate_F > 0)).tolist():
        q = float(found.q_F[feature])
        yield {
            "recipe_id": given.features.recipe_id,
            "feature_id": feature,
            "other_model_id": other_id,
            "rate": float(found.rate_F[feature]),
            "other_rate": float(found.other_rate_F[feature]),
            "log2_ratio": float(found.log2_ratio_F[feature]),
            "difference": float(found.difference_F[feature]),
            "standard_error": float(found.standard_error_F[feature]),
            "q": None if np.isnan(q) else q,
            "is_drifted": bool(drifted_F[feature]),
            "n_contexts": len(tokens_C),
        }


def _similarity_rows(
    given: Given, fvu: dict[str, float], x_SD: np.ndarray, y_SD: np.ndarray
) -> Iterator[dict[str, Any]]:
    """FVU of the other model beside the first's, and CKA beside shuffled places."""
    shared = {"recipe_id": given.features.recipe_id, "other_model_id": given.compared.model_id, "n_places": len(x_SD)}
    yield shared | {"measure": "fvu", "value": fvu["other"], "baseline": fvu["own"]}
    order = np.random.default_rng(given.seed).permutation(len(x_SD))
    yield shared | {"measure": "cka", "value": linear_cka(x_SD, y_SD), "baseline": linear_cka(x_SD, y_SD[order])}


def _check(given: Given) -> None:
    """The same tokens and widths, before the first pass."""
    other = given.compared
    if given.host.d_model != other.host.d_model:
        raise ValueError(
            f"{other.model_id} is {other.host.d_model} wide and the dictionary is of {given.host.d_model}: compare a "
            "model that was tuned from the other, or ask `universality`"
        )
    check_same_tokens(given.host, other, given.prompts[0].prompt.text)
    if given.features.sae.crosses:
        raise ValueError(f"{given.features.recipe_id} is a transcoder: name the recipe of an autoencoder")


def _passes(given: Given) -> PassCount:
    """Every text is read once by either model."""
    return PassCount(forward=2 * len(given.prompts))


METHOD = ExperimentMethod(settings=ModelDiffSettings, measure=_measure, passes=_passes, check=_check)
