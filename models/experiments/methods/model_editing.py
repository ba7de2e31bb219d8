"""Model editing over a set of facts, edited each alone or all together, measured and taken out again."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch

from models.experiments.edit_contexts import drawn_prefixes, edit_request
from models.experiments.edit_metrics import metric_rows
from models.experiments.edit_outcome import EditOutcome, edit_outcome
from models.experiments.edit_plan import EditPlan, Given, edit_groups, is_traced, trace_window
from models.experiments.edited_fact import EditedFact, edited_facts, refuse_rewritten_neighbors
from models.experiments.fact_edits import FactEdit, edited_states
from models.experiments.fit_texts import fit_windows
from models.experiments.method import ExperimentMethod, PassCount, Rows
from models.experiments.prompt_encoding import EncodedPrompt, PromptEncoder
from models.experiments.settings.model_editing import ModelEditingSettings
from models.experiments.stored_covariances import stored_covariances
from models.interventions.model_editing.down_projection import DownProjection, InvalidEdit
from models.interventions.model_editing.key_covariance import KeyCovariance
from models.interventions.model_editing.rank_one_edit import applied_together
from models.interventions.model_editing.rome import EditRequest
from models.language_model.model_limits import ModelLimits
from models.language_model.stream_readout import StreamReadout


def _measure(given: Given, prompts: Sequence[EncodedPrompt]) -> Rows:
    rows = {name: list[dict[str, Any]]() for name in ModelEditingSettings.tables}
    texts = _fit_texts(given)
    groups, encoder = edit_groups(given, edited_facts(prompts)), _encoder(given)
    layers = [layer for plans in groups for plan in plans for layer in plan.layers]
    covariances = stored_covariances(given, layers, texts)
    outcomes: dict[str, list[EditOutcome]] = {}
    for plans in groups:
        rows["patching_effect"] += [row for plan in plans for row in _trace_rows(given, plan)]
        for name, edits, measured in _outcomes(given, plans, encoder, texts, covariances):
            outcomes.setdefault(name, []).extend(measured)
            rows["edit"] += edits
            for plan, outcome in zip(plans, measured, strict=True):
                rows["edit_effect"] += _effect_rows(given, outcome)
                rows["edit_fluency"].append(_fluency_row(plan.fact, outcome))
    for condition, each in outcomes.items():
        rows["edit_metric"] += ({"condition": condition} | row for row in metric_rows(each, given.seed))
    return rows


def _fit_texts(given: Given) -> list[tuple[int, ...]]:
    settings = given.settings
    return fit_windows(
        given.host,
        settings.fit_source,
        given.prefix,
        settings.covariance_tokens,
        settings.fit_length,
        "covariance_tokens",
    )


def _outcomes(
    given: Given,
    plans: Sequence[EditPlan],
    encoder: PromptEncoder,
    texts: Sequence[tuple[int, ...]],
    covariances: Mapping[int, KeyCovariance],
) -> Iterator[tuple[str, list[dict[str, Any]], list[EditOutcome]]]:
    """Facts as they are, then under each state of the weights: the condition, its rows of `edit`, what was measured."""
    host, loss_texts = given.host, texts[: given.settings.loss_texts]

    def measured(condition: str) -> list[EditOutcome]:
        return [edit_outcome(given, plan.fact, condition, loss_texts) for plan in plans]

    yield "unedited", [], measured("unedited")
    requests = [_request(given, plan.fact, encoder, texts) for plan in plans]
    for state in edited_states(given, plans, requests, covariances):
        weights = [DownProjection.of(host, edit.layer).module.weight for edit in state.edits]
        before = [weight.detach().clone() for weight in weights]
        with applied_together(state.edits, host):
            outcomes = measured(state.condition)
        restored = all(torch.equal(weight, kept) for weight, kept in zip(weights, before, strict=True))
        edits = [_edit_row(state.condition, each, given.settings.prefixes) for each in state.made]
        yield state.condition, [row | {"is_restored": restored} for row in edits], outcomes


def _request(given: Given, fact: EditedFact, encoder: PromptEncoder, texts: Sequence[tuple[int, ...]]) -> EditRequest:
    settings, seed = given.settings, given.seed + fact.rewrite.prompt_id
    prefixes = drawn_prefixes(texts, len(given.prefix), settings.prefixes, settings.prefix_tokens, seed)
    return edit_request(encoder, fact, settings.token, prefixes)


def _edit_row(condition: str, made: FactEdit, n_prefixes: int) -> dict[str, Any]:
    plan, found = made.plan, made.found
    fact, traced, edit = plan.fact, plan.traced, found.edit
    return {
        "fact": fact.name,
        "condition": condition,
        "prompt_id": fact.rewrite.prompt_id,
        "subject": fact.subject,
        "answer": fact.rewrite.prompt.answer,
        "new_answer": fact.rewrite.prompt.foil,
        "layer": edit.layer,
        "module": edit.module,
        "position": plan.position,
        "traced_effect": None if traced is None else float(traced.effect_L[edit.layer]),
        "n_contexts": 1 + n_prefixes,
        "key_norm": float(found.key_E.norm()),
        "value_norm": float(found.original_D.norm()),
        "change_norm": float((found.value_D - found.original_D).norm()),
        "update_norm": float(edit.u_E.double().norm() * edit.change_D.double().norm()),
        "steps": found.steps,
        "negative_log_likelihood": found.negative_log_likelihood,
        "kl": found.kl,
        "u": edit.u_E.cpu().tolist(),
        "dv": edit.change_D.cpu().tolist(),
    }


def _effect_rows(given: Given, outcome: EditOutcome) -> Iterator[dict[str, Any]]:
    for prompt in outcome.prompts:
        yield {
            "fact": outcome.fact,
            "condition": outcome.condition,
            "prompt_id": prompt.prompt_id,
            "split": prompt.split,
            "true_probability": prompt.true_probability,
            "new_probability": prompt.new_probability,
            "magnitude": prompt.magnitude,
            "is_success": prompt.is_success,
            "likeliest_token": given.host.tokenizer.decode([prompt.likeliest_id]),
        }


def _fluency_row(fact: EditedFact, outcome: EditOutcome) -> dict[str, Any]:
    return {
        "fact": outcome.fact,
        "condition": outcome.condition,
        "prompt_id": fact.rewrite.prompt_id,
        "completion": outcome.completion,
        "n_tokens": outcome.n_tokens,
        "ngram_entropy": outcome.ngram_entropy,
        "corpus_loss": outcome.corpus_loss,
    }


def _trace_rows(given: Given, plan: EditPlan) -> Iterator[dict[str, Any]]:
    """What tracing found, as rows of activation patching."""
    traced = plan.traced
    for layer, effect in enumerate([] if traced is None else traced.effect_L.tolist()):
        assert traced is not None
        difference = traced.clean - traced.corrupt
        yield {
            "prompt_id": plan.fact.rewrite.prompt_id,
            "direction": "denoising",
            "method": "exact",
            "site": "mlp_out",
            "layer": layer,
            "window": trace_window(given),
            "position": traced.position,
            "metric": "probability",
            "corruption": "noise",
            "effect": effect,
            "normalized_effect": effect / difference if abs(difference) > 1e-6 else None,
            "clean_metric": traced.clean,
            "corrupt_metric": traced.corrupt,
        }


def _encoder(given: Given) -> PromptEncoder:
    host = given.host
    return PromptEncoder(host.tokenizer, given.prefix, ModelLimits.of(host.source, host.model.config).n_positions)


def _passes(given: Given) -> PassCount:
    """The most that it can be: a covariance may be there already, and a search may end early."""
    settings, host = given.settings, given.host
    facts, n_texts = edited_facts(given.prompts), -(-settings.covariance_tokens // settings.fit_length)
    n_edits = 1 + ("other_layer" in settings.baselines)
    n_states = 2 + len(settings.baselines)
    n_rows = settings.prefixes + 2
    traced = 1 + settings.noise_seeds * (1 + host.n_layers) if is_traced(settings) else 0
    total = PassCount(n_texts)
    blocks = settings.blocks if settings.algorithm == "memit" else 1
    for fact in facts:
        total += PassCount((blocks - 1) * n_rows + (blocks + 1 if settings.algorithm == "memit" else 0))
        measured = len(fact.prompts) + settings.new_tokens + settings.loss_texts
        total += PassCount(traced + n_states * measured + n_edits * n_rows * (settings.steps + 5))
        total += PassCount(0, n_edits * n_rows * settings.steps)
    return total


def _check(given: Given) -> None:
    settings, host = given.settings, given.host
    StreamReadout.of(host)
    if "other_layer" in settings.baselines and (settings.together or settings.algorithm == "memit"):
        raise InvalidEdit(
            "the baseline other_layer is of facts that rome edits each alone: leave it out of `baselines`, or leave "
            "out `together` and `algorithm: memit`"
        )
    facts, encoder = edited_facts(given.prompts), _encoder(given)
    if settings.together:
        refuse_rewritten_neighbors(facts)
    for layer in range(host.n_layers) if settings.layer == "auto" else _named_layers(settings):
        DownProjection.of(host, layer)
    longest = [(0,) * max(settings.prefix_tokens)]
    for fact in facts:
        edit_request(encoder, fact, settings.token, longest if settings.prefixes else [])
    if settings.fit_length <= max(settings.prefix_tokens) + len(given.prefix):
        raise ValueError(
            f"prefix_tokens go up to {max(settings.prefix_tokens)} and texts have {settings.fit_length} tokens: raise "
            "fit_length"
        )


def _named_layers(settings: ModelEditingSettings) -> range:
    assert settings.layer != "auto", "the caller asks where a block is named"
    blocks = settings.blocks if settings.algorithm == "memit" else 1
    return range(max(0, settings.layer - blocks + 1), settings.layer + 1)


METHOD = ExperimentMethod(settings=ModelEditingSettings, measure=_measure, passes=_passes, check=_check)
