"""Rows of patching the features of a dictionary one by one, in the tables of all patched places."""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from models.attribution.activation_patching import PatchingSweep
from models.attribution.feature_attribution import ERROR
from models.attribution.feature_patching import FeaturePlace, FeatureSweep
from models.attribution.patching_agreement import PatchingAgreement
from models.experiments.method import ExperimentInput, PassCount
from models.experiments.prompt_encoding import EncodedPrompt
from models.experiments.settings.activation_patching import ActivationPatchingSettings, PatchingMethod

Given = ExperimentInput[ActivationPatchingSettings]
Row = dict[str, Any]


def feature_rows(given: Given, sweep: PatchingSweep, prompt: EncodedPrompt, shared: Row) -> tuple[list[Row], list[Row]]:
    """Rows of `patching_effect` and of `patching_agreement` of one prompt and direction.

    Args:
        given: The experiment.
        sweep: Its runs, which hold the values of the dictionary's site.
        prompt: Whose runs they are.
        shared: Columns that all patched places of the prompt have alike.
    """
    settings, dictionary = given.settings, given.features
    features = FeatureSweep(sweep, dictionary.sae, dictionary.site, prompt.n_special)
    attributed_N = features.attributed()
    kept = attributed_N.abs().argsort(descending=True, stable=True)[: settings.patched_features]
    measured = kept if "exact" in settings.methods else _drawn(given, prompt, kept)
    found: dict[PatchingMethod, Tensor] = {"attribution": attributed_N}
    if "integrated_gradients" in settings.methods:
        found["integrated_gradients"] = features.integrated(settings.integration_steps, settings.rows_per_pass)
    exact_M = features.exact([features.places[n] for n in measured.tolist()], settings.rows_per_pass)
    effects = _rows(given, features.places, measured, exact_M, "exact", sweep, shared)
    agreements = []
    for method, effect_N in found.items():
        if method in settings.methods:
            effects += _rows(given, features.places, kept, effect_N[kept], method, sweep, shared)
            agreements.append(_agreement(method, exact_M, effect_N[measured]))
    return effects, agreements


def _drawn(given: Given, prompt: EncodedPrompt, kept: Tensor) -> Tensor:
    """Of those that are kept, some to hold approximations to."""
    chance = torch.Generator().manual_seed(given.seed + prompt.prompt_id)
    return kept[torch.randperm(len(kept), generator=chance)[: given.settings.agreement_sample].sort().values]


def _rows(
    given: Given,
    places: Sequence[FeaturePlace],
    numbers: Tensor,
    effect_M: Tensor,
    method: PatchingMethod,
    sweep: PatchingSweep,
    shared: Row,
) -> list[Row]:
    difference = sweep.source.metric - sweep.base.metric
    return list(_each(given, [places[n] for n in numbers.tolist()], effect_M, method, difference, shared))


def _each(
    given: Given,
    places: Sequence[FeaturePlace],
    effect_M: Tensor,
    method: PatchingMethod,
    difference: float,
    shared: Row,
) -> Iterator[Row]:
    dictionary = given.features
    for place, effect in zip(places, effect_M.tolist(), strict=True):
        is_error = place.feature == ERROR
        yield {
            "method": method,
            "site": "feature_error" if is_error else "feature",
            "layer": given.host.module_map.layer_of(dictionary.site),
            "window": 1,
            "position": place.position,
            "recipe_id": dictionary.recipe_id,
            "feature_id": None if is_error else place.feature,
            "effect": effect,
            "normalized_effect": effect / difference if difference else None,
        } | shared


def _agreement(method: PatchingMethod, exact_M: Tensor, near_M: Tensor) -> Row:
    agreement = PatchingAgreement.of(exact_M, near_M)
    return {
        "method": method,
        "site": "feature",
        "n_places": agreement.n,
        "pearson": agreement.pearson,
        "spearman": agreement.spearman,
        "top_ten_share": agreement.top_ten_share,
    }


def feature_passes(given: Given, n_seeds: int) -> PassCount:
    """What features cost in one direction of one prompt, at most."""
    settings = given.settings
    if "feature" not in settings.sites:
        return PassCount(0)
    n_paths = settings.integration_steps if "integrated_gradients" in settings.methods else 0
    n_backward = n_seeds * (1 + n_paths)
    n_exact = settings.patched_features if "exact" in settings.methods else settings.agreement_sample
    return PassCount(n_seeds * min(n_exact, settings.patched_features) + n_backward, n_backward)


def check_features(given: Given) -> None:
    """Refuses a dictionary whose features cannot be patched one by one.

    Raises:
        ValueError: Saying why.
    """
    asked, dictionary = "feature" in given.settings.sites, given.dictionary
    if not asked:
        if dictionary is not None:
            raise ValueError(f"{dictionary.recipe_id} is named and no feature is patched: add `feature` to `sites`")
        return
    if dictionary is None:
        raise ValueError("`sites` asks for features and no dictionary is named: add `recipe` to the card")
    if dictionary.written != dictionary.site:
        raise ValueError(
            f"{dictionary.recipe_id} reads {dictionary.site} and writes {dictionary.written}: a feature that is "
            "patched is read and written at one place; name a recipe without output_site"
        )
    if dictionary.site.layer is None:
        raise ValueError(f"{dictionary.recipe_id} reads {dictionary.site}, before the first block: name another recipe")
    if dictionary.sae.gains:
        raise ValueError(
            f"{dictionary.recipe_id} is of the architecture {dictionary.sae.architecture}, whose activations have "
            "gains of their own: name a recipe of another architecture"
        )
