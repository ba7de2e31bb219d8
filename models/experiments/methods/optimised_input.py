"""Inputs made for features of a dictionary, beside the strongest texts of a set.

P positions, F features.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch

from models.experiments.method import ExperimentInput, ExperimentMethod, PassCount, Rows
from models.experiments.prompt_encoding import EncodedPrompt
from models.experiments.settings.optimised_input import OptimisedInputSettings
from models.features.feature_input_target import FeatureInputTarget
from models.features.optimised_input import (
    EvolutionPlan,
    FoundInput,
    coordinate_ascent,
    evolve,
    shorten,
    surviving_end,
    surviving_starts,
)

Given = ExperimentInput[OptimisedInputSettings]
FELT = 10
"""A price of 1 is a tenth of the feature's largest activation, for a nat per token."""


def _measure(given: Given, prompts: Sequence[EncodedPrompt]) -> Rows:
    """Feature by feature; each is kept, so that a killed run goes on."""
    features = chosen_features(given)
    places = _strongest_places(given, features) if "shorten" in given.settings.methods else {}
    rows: list[dict[str, Any]] = []
    for feature in features:
        kept = given.kept.result(f"feature {feature}", lambda f=feature: list(_rows(given, f, places.get(f))))
        rows.extend(kept)
    return {"optimised_input": rows}


def chosen_features(given: Given) -> list[int]:
    """Those named, else live ones at equal steps of density."""
    if given.settings.features is not None:
        return list(dict.fromkeys(given.settings.features))
    dictionary = given.features
    live = np.flatnonzero(dictionary.max_activation_F > 0)
    by_density = live[np.argsort(dictionary.density_F[live], kind="stable")]
    n = min(given.settings.n_features, len(by_density))
    return by_density[((np.arange(n) + 0.5) * len(by_density) / max(n, 1)).astype(int)].tolist()


@torch.no_grad()
def _strongest_places(given: Given, features: Sequence[int]) -> dict[int, tuple[tuple[int, ...], int]]:
    """For each feature the tokens of a text up to where it is strongest of all texts, and the text's number."""
    dictionary = given.features
    best: dict[int, tuple[float, tuple[int, ...], int]] = {}
    for prompt in given.prompts:
        with given.host.capture([dictionary.site]) as found:
            given.host.forward(torch.tensor([prompt.token_ids]))
        x_PD = found[dictionary.site][0, prompt.n_special :].float()
        acts_PF = dictionary.sae.encode(x_PD).dense()[:, features]
        acts_F, place_F = acts_PF.max(dim=0)
        own = prompt.token_ids[prompt.n_special :]
        for feature, act, place in zip(features, acts_F.tolist(), place_F.tolist(), strict=True):
            if act > 0 and act > best.get(feature, (0.0,))[0]:
                window = own[max(0, place + 1 - given.settings.window) : place + 1]
                best[feature] = act, window, prompt.prompt_id
    return {feature: (ids, prompt_id) for feature, (_, ids, prompt_id) in best.items()}


def _rows(given: Given, feature: int, place: tuple[tuple[int, ...], int] | None) -> Iterator[dict[str, Any]]:
    settings, dictionary = given.settings, given.features
    target = FeatureInputTarget(given.host, dictionary.sae, dictionary.site, feature, given.prefix)
    seed = given.seed + feature
    felt = float(dictionary.max_activation_F[feature]) / FELT
    if "evolution" in settings.methods:
        prices = tuple(price * felt for price in settings.penalties)
        start = _starts(given, target, len(prices), seed)
        plan = EvolutionPlan(
            prices, settings.iterations, settings.children, settings.choices, settings.restart_every, seed
        )
        for rank, found in enumerate(evolve(target, start, plan)):
            yield _row(given, target, found, "evolution", rank, settings.penalties[rank])
    if "coordinate" in settings.methods:
        start = _starts(given, target, 1, seed)[0]
        yield _row(given, target, coordinate_ascent(target, start, settings.sweeps), "coordinate", 0, None)
    if place is not None and (ids := surviving_end(target, place[0])):
        found = shorten(target, ids, settings.kept_share)
        yield _row(given, target, found, "shorten", 0, None) | {"prompt_id": place[1], "n_before": len(ids)}


def _starts(given: Given, target: FeatureInputTarget, n: int, seed: int) -> torch.Tensor:
    """Random tokens that survive decoding and encoding; where a tokenizer gives few, beginnings of the card's texts.

    Raises:
        ValueError: If neither gives one so long.
    """
    length = given.settings.tokens
    found = surviving_starts(target.allowed_V, target.survives, n, length, seed)
    if found is not None:
        return found
    own = [prompt.token_ids[prompt.n_special :][:length] for prompt in given.prompts]
    whole = torch.tensor([ids for ids in own if len(ids) == length] or [[0] * length])
    whole = whole[target.survives(whole)]
    if not len(whole):
        raise ValueError(
            f"no text of {length} tokens is cut into the same tokens again once it is decoded: lower `tokens`, or add "
            "longer prompts"
        )
    return whole[torch.arange(n) % len(whole)]


def _row(
    given: Given, target: FeatureInputTarget, found: FoundInput, method: str, rank: int, penalty: float | None
) -> dict[str, Any]:
    tokenizer, largest = given.host.tokenizer, float(given.features.max_activation_F[target.feature])
    return {
        "recipe_id": given.features.recipe_id,
        "feature_id": target.feature,
        "method": method,
        "rank": rank,
        "penalty": penalty,
        "text": tokenizer.decode(list(found.ids)),
        "tokens": [tokenizer.decode([token]) for token in found.ids],
        "token_ids": list(found.ids),
        "target": found.target,
        "activation": target.activation(found.ids),
        "ratio_to_corpus": found.target / largest,
        "surprise": found.surprise if len(found.ids) > 1 or target.prefix else None,
        "n_forward": found.n_forward,
        "prompt_id": None,
        "n_before": None,
    }


def _check(given: Given) -> None:
    """Features, length and methods, before the first pass."""
    dictionary, settings = given.features, given.settings
    if not given.host.is_causal:
        raise ValueError("a text is made token by token against what a model expects next: name a causal model")
    if not settings.methods:
        raise ValueError("no method is named: say evolution, coordinate or shorten")
    if dictionary.site.kind not in ("resid_pre", "resid_mid", "resid_post", "attn_out", "mlp_in", "mlp_act", "mlp_out"):
        raise ValueError(f"{dictionary.site} has no vector at each position of a text: name another recipe")
    dictionary.check(settings.features or [])
    if settings.features == ():
        raise ValueError("features is empty: name some, or leave it out for some of all densities")
    limit = getattr(given.host.model.config, "max_position_embeddings", None)
    if limit is not None and settings.tokens + len(given.prefix) > limit:
        raise ValueError(f"tokens: {settings.tokens} and the model reads {limit}: lower it")


def _passes(given: Given) -> PassCount:
    """At most: children that do not survive decoding and encoding are not read, and shortening stops early."""
    settings, n = given.settings, len(chosen_features(given))
    members = len(settings.penalties)
    forward, backward = 0, 0
    if "evolution" in settings.methods:
        forward += members * (1 + settings.iterations * (1 + settings.children))
        backward += members * settings.iterations
    if "coordinate" in settings.methods:
        forward += 1 + settings.sweeps * settings.tokens * given.host.vocab_size
    if "shorten" in settings.methods:
        forward += settings.window * (settings.window + 1) // 2
    read = len(given.prompts) if "shorten" in settings.methods else 0
    return PassCount(forward=n * (forward + 1) + read, backward=n * backward)


METHOD = ExperimentMethod(settings=OptimisedInputSettings, measure=_measure, passes=_passes, check=_check)
