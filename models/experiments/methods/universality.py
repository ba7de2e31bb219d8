"""Features of two models matched on the same texts."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from scipy.sparse import csr_array
from torch import Tensor

from models.comparison.activation_matching import counterparts
from models.comparison.representation_similarity import linear_cka, svcca
from models.comparison.sparse_rows import column_sums, fired, n_rows
from models.experiments.kept_results import pieces
from models.experiments.method import ExperimentInput, ExperimentMethod, PassCount, Rows
from models.experiments.other_model import NoCommonText, common_segments, other_token_ids, read_text
from models.experiments.prompt_encoding import EncodedPrompt
from models.experiments.settings.universality import UniversalitySettings
from models.numerics.hash_sampling import hash_draw

Given = ExperimentInput[UniversalitySettings]
SIDES = ("own", "other")


def _measure(given: Given, prompts: Sequence[EncodedPrompt]) -> Rows:
    """All texts belong together: a correlation is over their places."""
    parts = [
        given.kept.result(f"places {piece}", lambda at=at: _read(given, given.prompts[at]))
        for piece, at in pieces(len(given.prompts))
    ]
    n = sum(int(part["n"]) for part in parts)
    if n < 2:
        raise NoCommonText(
            f"the two models share {n} ends of tokens in {len(given.prompts)} texts: give longer texts, or lower "
            "skip_tokens"
        )
    other = given.compared.dictionary
    assert other is not None, "the method reads the other model's dictionary"
    widths = (given.features.n_features, other.n_features)
    codes = [_stacked(parts, side, width) for side, width in zip(SIDES, widths, strict=True)]
    x, y = (torch.cat([part[f"{side} x"] for part in parts]).numpy() for side in SIDES)
    kept = np.argsort(hash_draw(np.arange(n), 0, given.seed), kind="stable")[: given.settings.similarity_places]
    return {
        "feature_counterpart": list(_feature_rows(given, *codes)),
        "representation_similarity": list(_similarity_rows(given, x[kept], y[kept])),
    }


def _read(given: Given, prompts: Sequence[EncodedPrompt]) -> dict[str, Any]:
    """Codes and activations at the places that both models end a token at."""
    rows: dict[str, list[Tensor]] = {
        f"{side} {name}": [] for side in SIDES for name in ("place", "feature", "act", "x")
    }
    n, other, own = 0, given.compared, given.features
    assert other.dictionary is not None, "the method reads the other model's dictionary"
    for prompt in prompts:
        text, skip = prompt.prompt.text, given.settings.skip_tokens
        readings = (
            read_text(given.host, own.site, prompt.token_ids, prompt.n_special, text),
            read_text(other.host, other.dictionary.site, _other_ids(given, prompt), len(other.prefix), text),
        )
        segments = common_segments(readings[0].ends_P, readings[1].ends_P)
        read_from = max(skip - prompt.n_special, 0), max(skip - len(other.prefix), 0)
        first = max(int(seg[at]) if at < len(seg) else 0 for seg, at in zip(segments, read_from, strict=True))
        last = min(int(segment.max(initial=-1)) for segment in segments)
        if last < first:
            continue
        for side, reading, segment, sae in zip(SIDES, readings, segments, (own.sae, other.dictionary.sae), strict=True):
            kept = torch.from_numpy(np.flatnonzero((segment >= first) & (segment <= last)))
            place_P = torch.from_numpy(segment)[kept] - first + n
            with torch.no_grad():
                position_M, feature_M, act_M = sae.encode(reading.x_PD[kept]).fired()
            found = _largest(place_P[position_M.cpu()], feature_M.cpu(), act_M.cpu(), sae.n_features)
            for name, each in zip(("place", "feature", "act"), found, strict=True):
                rows[f"{side} {name}"].append(each)
            ends = np.append(np.flatnonzero(np.diff(place_P.numpy())), len(place_P) - 1)
            rows[f"{side} x"].append(reading.x_PD[kept][torch.from_numpy(ends)].cpu())
        n += last - first + 1
    empty = {"place": torch.zeros(0, dtype=torch.int64), "feature": torch.zeros(0, dtype=torch.int64)}
    joined = {
        name: torch.cat(each) if each else empty.get(name.split()[1], torch.zeros(0)) for name, each in rows.items()
    }
    return joined | {"n": torch.tensor(n)}


def _other_ids(given: Given, prompt: EncodedPrompt) -> list[int]:
    return other_token_ids(given.compared, prompt.prompt.text, max(2, 2 * len(prompt.token_ids)))


def _largest(place_M: Tensor, feature_M: Tensor, act_M: Tensor, width: int) -> tuple[Tensor, Tensor, Tensor]:
    """A feature's largest activation in each place; several tokens may be one."""
    key, inverse_M = (place_M * width + feature_M).unique(return_inverse=True)
    act = torch.zeros(len(key)).scatter_reduce(0, inverse_M, act_M.float(), "amax", include_self=False)
    return key // width, key % width, act


def _stacked(parts: Sequence[dict[str, Any]], side: str, width: int) -> csr_array:
    starts = np.cumsum([0, *(int(part["n"]) for part in parts)])
    rows = [part[f"{side} place"].numpy() + start for part, start in zip(parts, starts, strict=False)]
    columns = [part[f"{side} feature"].numpy() for part in parts]
    acts = [part[f"{side} act"].numpy().astype(np.float64) for part in parts]
    places = (np.concatenate(rows), np.concatenate(columns))
    return csr_array((np.concatenate(acts), places), shape=(int(starts[-1]), width))


def _feature_rows(given: Given, a_SF: csr_array, b_SG: csr_array) -> Iterator[dict[str, Any]]:
    found, other = counterparts(a_SF, b_SG, given.seed), given.compared
    assert other.dictionary is not None, "the method reads the other model's dictionary"
    fired_F = column_sums(fired(a_SF))
    for feature in np.flatnonzero(np.isfinite(found.correlation_F)).tolist():
        yield {
            "recipe_id": given.features.recipe_id,
            "feature_id": feature,
            "other_model_id": other.model_id,
            "other_recipe_id": other.dictionary.recipe_id,
            "other_feature_id": int(found.other_F[feature]),
            "correlation": float(found.correlation_F[feature]),
            "shuffled_correlation": float(np.nan_to_num(found.shuffled_F[feature])),
            "is_mutual": bool(found.is_mutual_F[feature]),
            "n_firings": int(fired_F[feature]),
            "n_places": n_rows(a_SF),
        }


def _similarity_rows(given: Given, x_SD: np.ndarray, y_SE: np.ndarray) -> Iterator[dict[str, Any]]:
    order = np.random.default_rng(given.seed).permutation(len(x_SD))
    for measure, of in (("cka", linear_cka), ("svcca", svcca)):
        yield {
            "recipe_id": given.features.recipe_id,
            "other_model_id": given.compared.model_id,
            "measure": measure,
            "value": of(x_SD, y_SE),
            "baseline": of(x_SD, y_SE[order]),
            "n_places": len(x_SD),
        }


def _passes(given: Given) -> PassCount:
    """Every text is read once by either model."""
    return PassCount(forward=2 * len(given.prompts))


METHOD = ExperimentMethod(settings=UniversalitySettings, measure=_measure, passes=_passes)
