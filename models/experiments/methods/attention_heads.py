"""Scores, ablations and pictures of attention heads: scores are of random sequences, pictures of the prompts."""

from collections.abc import Iterator, Sequence
from typing import Any

import torch

from models.attention.attention_scores import attention_scores
from models.attention.head import Head, head_counts, heads_of
from models.attention.head_ablation import HeadAblation, HeadAblator, Mode
from models.attention.head_circuits import circuit_scores
from models.attention.head_score import HeadScore
from models.attention.prompt_patterns import attention_weights
from models.attention.repeated_sequences import (
    RepeatedSequence,
    SequenceLengths,
    ordinary_tokens,
    repeated_sequences,
)
from models.experiments.method import ExperimentInput, ExperimentMethod, PassCount, Rows
from models.experiments.prompt_encoding import EncodedPrompt
from models.experiments.settings.attention_heads import AttentionHeadsSettings
from models.language_model.model_limits import ModelLimits

Given = ExperimentInput[AttentionHeadsSettings]


def _measure(given: Given, prompts: Sequence[EncodedPrompt]) -> Rows:
    settings = given.settings
    named = [Head.parse(name) for name in settings.pattern_heads]
    heads, rows = named or heads_of(head_counts(given.host)), []
    for prompt in prompts:
        weights = attention_weights(
            given.host, prompt.token_ids, heads, settings.pattern_threshold, settings.weights_per_prompt
        )
        rows += [
            {
                "prompt_id": prompt.prompt_id,
                "layer": each.head.layer,
                "head": each.head.head,
                "query_position": each.query_position,
                "key_position": each.key_position,
                "weight": each.weight,
            }
            for each in weights
        ]
    return {"attention_pattern": rows}


def _summarize(given: Given, rows: Rows) -> Rows:
    counts, sequences = head_counts(given.host), _sequences(given)
    scores = attention_scores(given.host, counts, sequences)
    scores += circuit_scores(given.host, counts, _circuit_tokens(given))
    ablations = _ablations(given, counts, sequences, [score for score in scores if score.name == "induction"])
    return {
        "head_score": [_score_row(given, score) for score in scores],
        "head_ablation": [_ablation_row(given, ablation) for ablation in ablations],
    }


def _lengths(settings: AttentionHeadsSettings) -> SequenceLengths:
    return SequenceLengths(settings.shortest_period, settings.longest_period, settings.longest_prefix)


def _sequences(given: Given) -> list[RepeatedSequence]:
    tokens, lengths = ordinary_tokens(given.host), _lengths(given.settings)
    return repeated_sequences(tokens, given.prefix, lengths, given.settings.sequences, given.seed)


def _circuit_tokens(given: Given) -> torch.Tensor:
    tokens, generator = ordinary_tokens(given.host), torch.Generator().manual_seed(given.seed)
    return tokens[torch.randperm(len(tokens), generator=generator)[: given.settings.circuit_tokens]]


def _ablations(
    given: Given, counts: list[int], sequences: Sequence[RepeatedSequence], induction: Sequence[HeadScore]
) -> Iterator[HeadAblation]:
    """Heads one by one, all induction heads at once, and random sets of as many others."""
    ablator, settings = HeadAblator.of(given.host, counts, sequences), given.settings
    ranked = [score.head for score in sorted(induction, key=lambda score: -(score.value or 0))]
    inductive = [score.head for score in induction if score.is_above(settings.threshold)]
    others = [head for head in heads_of(counts) if head not in inductive]
    generator = torch.Generator().manual_seed(given.seed)
    for mode in _modes(settings):
        yield ablator.ablated("none", [], mode)
        for head in ranked[: settings.ablated_one_by_one]:
            yield ablator.ablated(str(head), [head], mode)
        if inductive:
            yield ablator.ablated("induction heads", inductive, mode)
            for number in range(settings.control_sets):
                drawn = torch.randperm(len(others), generator=generator)[: len(inductive)].tolist()
                yield ablator.ablated(f"others {number}", sorted(others[i] for i in drawn), mode)


def _modes(settings: AttentionHeadsSettings) -> tuple[Mode, ...]:
    return ("zero", "mean") if settings.ablation == "both" else (settings.ablation,)


def _score_row(given: Given, score: HeadScore) -> dict[str, Any]:
    return {
        "layer": score.head.layer,
        "head": score.head.head,
        "score": score.name,
        "value": score.value,
        "standard_error": score.standard_error,
        "baseline": score.baseline,
        "is_above": score.is_above(given.settings.threshold),
        "n_averaged": score.n,
        "lack": score.lack,
    }


def _ablation_row(given: Given, ablation: HeadAblation) -> dict[str, Any]:
    base, ablated = ablation.base, ablation.ablated
    one = [head for head in ablation.heads if str(head) == ablation.name]
    low, high = ablation.interval(given.seed) or (None, None)
    return {
        "ablated": ablation.name,
        "mode": ablation.mode,
        "layer": one[0].layer if one else None,
        "head": one[0].head if one else None,
        "heads": [str(head) for head in ablation.heads],
        "n_sequences": len(base.second_S),
        "first_loss": float(base.first_S.mean()),
        "first_loss_ablated": float(ablated.first_S.mean()),
        "second_loss": float(base.second_S.mean()),
        "second_loss_ablated": float(ablated.second_S.mean()),
        "change": ablation.change,
        "change_ci_low": low,
        "change_ci_high": high,
        "accuracy": float(base.accuracy_S.mean()),
        "accuracy_ablated": float(ablated.accuracy_S.mean()),
    }


def _passes(given: Given) -> PassCount:
    """As a run where some heads are induction heads; fewer where none is."""
    settings, counts = given.settings, head_counts(given.host)
    ablations = 2 + min(sum(counts), settings.ablated_one_by_one) + settings.control_sets
    on_sequences = 4 + ablations * len(_modes(settings))  # scores, loss and average outputs before the ablations
    circuits = (1 + max(counts)) * (len(_circuit_tokens(given)) + 1)
    return PassCount(forward=len(given.prompts) + settings.sequences * on_sequences + circuits)


def _check(given: Given) -> None:
    counts, host = head_counts(given.host), given.host
    limit = ModelLimits.of(host.source, host.model.config).n_positions
    _lengths(given.settings).check(len(given.prefix), limit, len(ordinary_tokens(host)))
    for head in map(Head.parse, given.settings.pattern_heads):
        if head.layer >= len(counts) or head.head >= counts[head.layer]:
            raise ValueError(
                f"there is no head {head}: blocks are 0 to {len(counts) - 1}, with {', '.join(map(str, set(counts)))} "
                "heads each: name block and head, such as 0.0, in pattern_heads"
            )


METHOD = ExperimentMethod(
    settings=AttentionHeadsSettings, measure=_measure, passes=_passes, check=_check, summarize=_summarize
)
