"""Features over the same sentences in several languages."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from scipy.sparse import csr_array

from models.comparison.parallel_texts import LanguageFeatures, language_features, language_pairs
from models.experiments.feature_dictionary import FeatureDictionary
from models.experiments.kept_results import pieces
from models.experiments.method import ExperimentInput, ExperimentMethod, PassCount, Rows
from models.experiments.pooled_texts import pooled_codes
from models.experiments.prompt import InvalidPrompt
from models.experiments.prompt_encoding import EncodedPrompt
from models.experiments.settings.multilingual import MultilingualSettings

Given = ExperimentInput[MultilingualSettings]
FEWEST_SENTENCES = 20


def _measure(given: Given, prompts: Sequence[EncodedPrompt]) -> Rows:
    """All sentences belong together."""
    grid = _sentences(given)
    parts = [
        given.kept.result(f"sentences {piece}", lambda at=at: _read(given, range(*at.indices(len(given.prompts)))))
        for piece, at in pieces(len(given.prompts))
    ]
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in MultilingualSettings.tables}
    for number, dictionary in enumerate(given.dictionaries):
        text, feature, act = (
            torch.cat([part[f"{number} {name}"] for part in parts]).numpy() for name in ("text", "feature", "act")
        )
        shape = (len(given.prompts), dictionary.n_features)
        whole = csr_array((act.astype(np.float64), (text, feature)), shape=shape)
        acts = {language: csr_array(whole[places]) for language, places in grid.items()}
        layer = given.host.module_map.layer_of(dictionary.site)
        shared = {"recipe_id": dictionary.recipe_id, "layer": layer, "n_sentences": len(next(iter(grid.values())))}
        rows["feature_language"] += [
            shared | row for row in _feature_rows(dictionary, list(grid), language_features(acts))
        ]
        rows["layer_language"] += [
            shared
            | {
                "language": pair.language,
                "other_language": pair.other,
                "overlap": pair.overlap,
                "unpaired_overlap": pair.unpaired_overlap,
                "lift": pair.overlap - pair.unpaired_overlap,
            }
            for pair in language_pairs(acts)
        ]
    return rows


def _sentences(given: Given) -> dict[str, list[int]]:
    """By language the places of its sentences in the set, sentence by sentence alike.

    Raises:
        InvalidPrompt: If a sentence is missing in a language or stands there twice, or there are too few.
    """
    places: dict[str, dict[str, int]] = {}
    for place, prompt in enumerate(given.prompts):
        language, group = str(prompt.prompt.language), prompt.group_name
        of_language = places.setdefault(language, {})
        if group in of_language:
            raise InvalidPrompt(f"sentence {group} stands twice in {language}: keep one")
        of_language[group] = place
    if len(places) < 2:
        raise InvalidPrompt(f"the set has sentences in {', '.join(places)} only: add another language")
    every = sorted(set.union(*(set(of) for of in places.values())))
    for language, of_language in places.items():
        if missing := [group for group in every if group not in of_language]:
            raise InvalidPrompt(
                f"{len(missing)} of {len(every)} sentences are missing in {language} ({', '.join(missing[:3])}): add "
                "them, or leave them out of the other languages"
            )
    if len(every) < FEWEST_SENTENCES:
        raise InvalidPrompt(f"{len(every)} sentences, wanted {FEWEST_SENTENCES} at least: add some")
    return {language: [of_language[group] for group in every] for language, of_language in sorted(places.items())}


@torch.no_grad()
def _read(given: Given, places: range) -> dict[str, torch.Tensor]:
    rows: dict[str, list[torch.Tensor]] = {}
    sites = list(dict.fromkeys(dictionary.site for dictionary in given.dictionaries))
    for place in places:
        prompt = given.prompts[place]
        first = min(max(prompt.n_special, given.settings.skip_tokens), len(prompt.token_ids) - 1)
        with given.host.capture(sites) as found:
            given.host.forward(torch.tensor([prompt.token_ids]))
        for number, dictionary in enumerate(given.dictionaries):
            feature, act = pooled_codes(
                dictionary.sae.encode(found[dictionary.site][0, first:].float()), given.settings.pool
            )
            rows.setdefault(f"{number} text", []).append(torch.full((len(feature),), place))
            rows.setdefault(f"{number} feature", []).append(feature.cpu())
            rows.setdefault(f"{number} act", []).append(act.cpu())
    return {name: torch.cat(each) for name, each in rows.items()}


def _feature_rows(
    dictionary: FeatureDictionary, languages: Sequence[str], found: LanguageFeatures
) -> Iterator[dict[str, Any]]:
    for feature in np.flatnonzero(found.share_FG.any(1)).tolist():
        correlations = {
            "least_correlation": found.least_correlation_F[feature],
            "mean_correlation": found.mean_correlation_F[feature],
            "unpaired_correlation": found.unpaired_correlation_F[feature],
        }
        share_G = found.share_FG[feature]
        yield {
            "feature_id": feature,
            **{name: None if np.isnan(value) else float(value) for name, value in correlations.items()},
            "language_information": float(found.information_F[feature]),
            "languages": list(languages),
            "firing_shares": share_G.tolist(),
            "n_languages": int((share_G > 0).sum()),
            "strongest_language": languages[int(share_G.argmax())],
        }


def _check(given: Given) -> None:
    _sentences(given)


def _passes(given: Given) -> PassCount:
    """Every sentence is read once."""
    return PassCount(forward=len(given.prompts))


METHOD = ExperimentMethod(settings=MultilingualSettings, measure=_measure, passes=_passes, check=_check)
