"""Activation patching over a prompt set, with its approximations and their agreement."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from models.attribution.activation_patching import PatchingSweep, patching_effects
from models.attribution.answer_metric import AnswerMetric
from models.attribution.attribution_patching import attribution_effects, site_path_effects, stream_path_effects
from models.attribution.head_outputs import head_counts
from models.attribution.patch import BY_HEAD
from models.attribution.patching_agreement import PatchingAgreement
from models.attribution.patching_runs import PatchingRuns, contrast_runs, embedding_noise, noised_runs
from models.attribution.resumed_pass import ResumedPass
from models.experiments.edge_rows import EdgeRows, check_edges, edge_passes
from models.experiments.feature_patch_rows import check_features, feature_passes, feature_rows
from models.experiments.method import ExperimentInput, ExperimentMethod, PassCount, Rows
from models.experiments.patching_means import mean_rows
from models.experiments.patching_places import PatchingPlaces
from models.experiments.prompt_encoding import EncodedPrompt
from models.experiments.settings.activation_patching import ActivationPatchingSettings, PatchingMethod
from models.language_model.sites import Site
from models.language_model.stream_readout import StreamReadout

Given = ExperimentInput[ActivationPatchingSettings]
EffectsByMethod = Mapping[PatchingMethod, Tensor]
NO_DIFFERENCE = 1e-6
"""Where clean and corrupt metric are nearer than this, no effect can be said as a share of their difference."""


def _heads(given: Given) -> list[int]:
    return head_counts(given.host) if set(given.settings.sites) & set(BY_HEAD) else []


def _measure(given: Given, prompts: Sequence[EncodedPrompt]) -> Rows:
    passes, n_heads = ResumedPass.of(given.host), _heads(given)
    effects: list[dict[str, Any]] = []
    agreements: list[dict[str, Any]] = []
    edges = EdgeRows.of(given) if given.settings.edges else None
    for prompt in prompts:
        metric = _metric(given, prompt)
        runs = _runs(given, passes, metric, prompt)
        places = PatchingPlaces.of(given, n_heads, prompt)
        for direction in given.settings.directions:
            sweep = PatchingSweep(passes, metric, runs.token_ids_P, *runs.between(direction), n_heads)
            key = {"prompt_id": prompt.prompt_id, "direction": direction}
            found = _effects(given, sweep, places)
            effects += (key | row for row in _effect_rows(given, runs, sweep, places, found))
            agreements += (key | row for row in _agreement_rows(places, found))
            if "feature" in given.settings.sites:
                of_features, agreeing = feature_rows(given, sweep, prompt, _shared(given, runs))
                effects += (key | row for row in of_features)
                agreements += (key | row for row in agreeing)
            if edges is not None:
                agreements += (key | row for row in edges.add(prompt, metric, direction))
    more = {} if edges is None else edges.rows
    return {"patching_effect": effects, "patching_agreement": agreements, **more}


def _metric(given: Given, prompt: EncodedPrompt) -> AnswerMetric:
    assert prompt.answer_id is not None, "the settings ask for an answer"
    return AnswerMetric(given.settings.metric, prompt.answer_id, prompt.foil_id)


def _runs(given: Given, passes: ResumedPass, metric: AnswerMetric, prompt: EncodedPrompt) -> PatchingRuns:
    settings, host = given.settings, given.host
    kinds = [kind for kind in settings.sites if kind != "feature"]
    sites = [Site(kind, layer) for kind in kinds for layer in range(host.n_layers)]
    sites += [dictionary.site for dictionary in given.dictionaries]
    if settings.corruption == "prompt":
        assert prompt.corrupt_ids is not None, "checked before the first pass"
        return contrast_runs(passes, metric, sites, prompt.token_ids, prompt.corrupt_ids)
    seed = given.seed + prompt.prompt_id
    noise_SPD = embedding_noise(host, settings.noise_seeds, len(prompt.token_ids), settings.noise_multiple, seed)
    return noised_runs(passes, metric, sites, prompt.token_ids, prompt.subject_positions, noise_SPD)


def _effects(given: Given, sweep: PatchingSweep, places: PatchingPlaces) -> dict[PatchingMethod, Tensor]:
    """Effects of the places that move, by method; those of `exact` of its places only."""
    settings, rows = given.settings, given.settings.rows_per_pass
    found: dict[PatchingMethod, Tensor] = {}
    if not places.moved:  # features alone are patched
        return found
    found["exact"] = patching_effects(sweep, places.measured, rows)
    if "attribution" in settings.methods:
        found["attribution"] = attribution_effects(sweep, places.moved)
    if "integrated_gradients" in settings.methods:
        along = site_path_effects if settings.integration_path == "site" else stream_path_effects
        found["integrated_gradients"] = along(sweep, places.moved, settings.integration_steps, rows)
    return found


def _effect_rows(
    given: Given, runs: PatchingRuns, sweep: PatchingSweep, places: PatchingPlaces, found: EffectsByMethod
) -> Iterator[dict[str, Any]]:
    settings, difference = given.settings, sweep.source.metric - sweep.base.metric
    for method, effect_N in found.items():
        measured = places.measured if method == "exact" else places.moved
        silent = places.unmoved if method in settings.methods else []
        pairs = [*((patch, 0.0) for patch in silent), *zip(measured, effect_N.tolist(), strict=True)]
        for patch, effect in pairs:
            share = effect / difference if abs(difference) > NO_DIFFERENCE else None
            yield {
                "method": method,
                "site": patch.kind,
                "layer": patch.layer,
                "window": patch.window,
                "head": patch.head,
                "position": patch.position,
                "effect": effect,
                "normalized_effect": share,
            } | _shared(given, runs)


def _shared(given: Given, runs: PatchingRuns) -> dict[str, Any]:
    return {
        "metric": given.settings.metric,
        "corruption": given.settings.corruption,
        "clean_metric": runs.clean.metric,
        "corrupt_metric": runs.corrupt.metric,
    }


def _agreement_rows(places: PatchingPlaces, found: EffectsByMethod) -> Iterator[dict[str, Any]]:
    """Of every approximation over all places that were patched exactly, and over those of each kind of site."""
    kinds = [patch.kind for patch in places.measured]
    for method, effect_N in found.items():
        if method == "exact":
            continue
        for kind in (None, *dict.fromkeys(kinds)):
            chosen = torch.tensor([number for number, each in enumerate(kinds) if kind in (None, each)])
            agreement = PatchingAgreement.of(found["exact"][chosen], effect_N[places.exact[chosen]])
            yield {
                "method": method,
                "site": kind,
                "n_places": agreement.n,
                "pearson": agreement.pearson,
                "spearman": agreement.spearman,
                "top_ten_share": agreement.top_ten_share,
            }


def _passes(given: Given) -> PassCount:
    settings, n_heads, kinds = given.settings, _heads(given), set(given.settings.sites) - {"feature"}
    n_seeds = settings.noise_seeds if settings.corruption == "noise" else 1
    total = PassCount(0)
    for prompt in given.prompts:
        places = PatchingPlaces.of(given, n_heads, prompt)
        n_backward = n_seeds if kinds and "attribution" in settings.methods else 0
        if kinds and "integrated_gradients" in settings.methods:
            n_paths = len(kinds) * given.host.n_layers if settings.integration_path == "site" else 1
            n_backward += n_paths * settings.integration_steps * n_seeds
        each = PassCount(len(places.exact) * n_seeds + n_backward, n_backward) + feature_passes(given, n_seeds)
        total += PassCount(1 + n_seeds)
        for _ in settings.directions:
            total += each
    return total + edge_passes(given)


def _check(given: Given) -> None:
    settings, host = given.settings, given.host
    StreamReadout.of(host)
    check_edges(given)
    check_features(given)
    for kind in settings.sites:
        if kind == "feature":
            continue
        if kind == "attn_pattern":  # has no vector a token, but stands wherever z does
            host.width(Site("z", 0))
        else:
            host.width(Site(kind, 0))
    for prompt in given.prompts:
        place = f"row {prompt.prompt_id}"
        if settings.corruption == "prompt" and prompt.corrupt_ids is None:
            raise ValueError(
                f"{place} has no corrupt prompt: give it one, or set `corruption: noise` and name a subject"
            )
        if settings.corruption == "prompt" and prompt.corrupt_ids == prompt.token_ids:
            raise ValueError(f"{place}: clean and corrupt are the same tokens: there is nothing to exchange")
        if settings.corruption == "noise" and not prompt.subject_positions:
            raise ValueError(f"{place} has no subject: name the part of the prompt that is to be noised")
        if settings.metric == "logit_difference" and prompt.foil_id is None:
            raise ValueError(f"{place} has no foil: give it one, or set `metric: probability`")


def _summarize(given: Given, rows: Rows) -> Rows:
    return {"patching_mean": list(mean_rows(given, rows["patching_effect"]))}


METHOD = ExperimentMethod(
    settings=ActivationPatchingSettings, measure=_measure, passes=_passes, check=_check, summarize=_summarize
)
