"""Refusal directions: candidates, the choice among them, and what the model writes with and without the chosen one."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from models.experiments.direction_features import check_width, feature_rows, is_written_at
from models.experiments.method import ExperimentMethod, PassCount, Rows
from models.experiments.prompt import InvalidPrompt
from models.experiments.prompt_encoding import EncodedPrompt
from models.experiments.refusal_candidates import RefusalCandidate, candidate_layers, candidates, refusal_tokens
from models.experiments.refusal_prompts import Given, RefusalPrompts
from models.experiments.settings.refusal_direction import RefusalDirectionSettings
from models.interventions.directional_ablation import NotOrthogonal
from models.interventions.edited_completions import NO_EDITS, Decoding, EditedPrompt, surprise
from models.interventions.refusal_interventions import (
    INTERVENTIONS,
    Intervention,
    intervened,
    next_log_probabilities,
    refusal_scores,
)
from models.numerics.bootstrap import grouped_interval


def _measure(given: Given, _: Sequence[EncodedPrompt]) -> Rows:
    prompts = RefusalPrompts.of(given)
    found = list(candidates(given, prompts))
    possible = [each for each in found if each.may_be_chosen(given)]
    chosen = min(possible, key=lambda each: each.refusal_score) if possible else None
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in given.settings.tables}
    rows["refusal_candidate"] = [_candidate_row(each, given, is_chosen=each is chosen) for each in found]
    if chosen is None:
        return rows
    rows["direction"] = [_direction_row(chosen, prompts)]
    rows["refusal_effect"] = list(_effects(given, prompts, chosen))
    if given.dictionary is not None and is_written_at(chosen.layer, given.dictionary, given.host.n_layers):
        near = feature_rows(chosen.vector_D, given.dictionary, given.settings.top_features, given.seed)
        rows["direction_feature"] = [{"direction_id": 0} | row for row in near]
    return rows


def _candidate_row(candidate: RefusalCandidate, given: Given, *, is_chosen: bool) -> dict[str, Any]:
    return {
        "layer": candidate.layer,
        "position": candidate.position,
        "norm": float(candidate.vector_D.norm()),
        "refusal_score": candidate.refusal_score,
        "steering_score": candidate.steering_score,
        "kl": candidate.kl,
        "is_possible": candidate.may_be_chosen(given),
        "is_chosen": is_chosen,
    }


def _direction_row(chosen: RefusalCandidate, prompts: RefusalPrompts) -> dict[str, Any]:
    return {
        "direction_id": 0,
        "kind": "refusal",
        "site": str(chosen.site),
        "layer": chosen.layer,
        "position_rule": f"token {chosen.position}",
        "n_positive": len(prompts.train.refused),
        "n_negative": len(prompts.train.other),
        "norm": float(chosen.vector_D.norm()),
        "shuffled_norm": float(chosen.shuffled_D.norm()),
        "stream_norm": chosen.stream_norm,
        "vector": chosen.vector_D.tolist(),
    }


def _effects(given: Given, prompts: RefusalPrompts, chosen: RefusalCandidate) -> Iterator[dict[str, Any]]:
    """What the model writes after the prompts of the test, and how it likes its own plain texts, under each
    intervention; the weight form is left out where a model's norms stand between its weights and the stream."""
    sides = dict(zip(prompts.labels, (prompts.test.refused, prompts.test.other), strict=True))
    written = {name: [_written(given, prompt) for prompt in side] for name, side in sides.items()}
    for intervention in INTERVENTIONS:
        for label, side in sides.items():
            with suppress(NotOrthogonal):
                yield _effect(given, chosen, intervention, label, side, written[label])


def _written(given: Given, prompt: EncodedPrompt) -> tuple[int, ...]:
    asked = EditedPrompt(given.host, prompt.token_ids, prompt.n_special)
    return asked.completions(NO_EDITS, 1, Decoding(given.settings.new_tokens))[0]


def _effect(
    given: Given,
    chosen: RefusalCandidate,
    intervention: Intervention,
    label: str,
    side: Sequence[EncodedPrompt],
    plain: Sequence[tuple[int, ...]],
) -> dict[str, Any]:
    host = given.host
    with intervened(host, intervention, chosen.site, chosen.vector_D):
        texts = plain if intervention == "none" else [_written(given, prompt) for prompt in side]
        scores_N = refusal_scores(next_log_probabilities(host, [p.token_ids for p in side]), refusal_tokens(given))
        surprises = [
            surprise(EditedPrompt(host, prompt.token_ids).log_probabilities(NO_EDITS, [text])[0], text)
            for prompt, text in zip(side, plain, strict=True)
        ]
    spoken = [host.tokenizer.decode(list(text)) for text in texts]
    is_refusal_N = np.array([_is_refusal(text, given.settings.refusal_phrases) for text in spoken], dtype=float)
    low, high = grouped_interval([prompt.group_name for prompt in side], is_refusal_N, given.seed)
    return {
        "direction_id": 0,
        "intervention": intervention,
        "label": label,
        "n_prompts": len(side),
        "refusal_rate": float(is_refusal_N.mean()),
        "ci_low": low,
        "ci_high": high,
        "refusal_score": float(scores_N.mean()),
        "surprise": float(np.mean(surprises)),
        "prompt_ids": [prompt.prompt_id for prompt in side],
        "completions": spoken,
    }


def _is_refusal(text: str, phrases: Sequence[str]) -> bool:
    plain = text.replace("\u2019", "'").lower()
    return any(phrase.lower() in plain for phrase in phrases)


def _check(given: Given) -> None:
    if not given.host.is_causal:
        raise ValueError(f"{given.host.architecture} is an encoder and writes no text: take a causal language model")
    prompts = RefusalPrompts.of(given)
    candidate_layers(given)
    refusal_tokens(given)
    check_width(given.dictionary, given.host.d_model)
    shortest = min(len(prompt.token_ids) for prompt in given.prompts)
    if len(prompts.positions) > shortest:
        raise InvalidPrompt(f"positions: the shortest prompt has {shortest} tokens: ask for as many at most")


def _passes(given: Given) -> PassCount:
    """At most: candidates at which all prompts are alike, and weights that cannot be changed, cost less."""
    prompts = RefusalPrompts.of(given)
    n_candidates = len(candidate_layers(given)) * len(prompts.positions)
    n_train, n_refused, n_other, n_test = (
        len(part)
        for part in (
            [*prompts.train.refused, *prompts.train.other],
            prompts.validation.refused,
            prompts.validation.other,
            [*prompts.test.refused, *prompts.test.other],
        )
    )
    chosen = n_test * len(INTERVENTIONS) * (given.settings.new_tokens + 2)
    return PassCount(forward=n_train + n_other + n_candidates * (n_refused + 2 * n_other) + chosen)


METHOD = ExperimentMethod(settings=RefusalDirectionSettings, measure=_measure, passes=_passes, check=_check)
