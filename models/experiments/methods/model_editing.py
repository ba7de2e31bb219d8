"""Model editing over a set of facts, each edited alone, measured and taken out again."""

from collections.abc import Iterator, Sequence
from typing import Any

import torch

from models.experiments.edit_contexts import drawn_prefixes, edit_request
from models.experiments.edit_metrics import metric_rows
from models.experiments.edit_outcome import EditOutcome, edit_outcome
from models.experiments.edit_plan import EditPlan, Given, edit_plans, is_traced, trace_window
from models.experiments.edited_fact import EditedFact, edited_facts
from models.experiments.fact_edits import FactEdit, fact_edits
from models.experiments.fit_texts import fit_windows
from models.experiments.method import ExperimentMethod, PassCount, Rows
from models.experiments.prompt_encoding import EncodedPrompt, PromptEncoder
from models.experiments.settings.model_editing import ModelEditingSettings
from models.experiments.stored_covariances import stored_covariances
from models.interventions.model_editing.down_projection import DownProjection
from models.language_model.model_limits import ModelLimits
from models.language_model.stream_readout import StreamReadout


def _measure(given: Given, prompts: Sequence[EncodedPrompt]) -> Rows:
    rows = {name: list[dict[str, Any]]() for name in ModelEditingSettings.tables}
    texts = _fit_texts(given)
    plans, encoder = edit_plans(given, edited_facts(prompts)), _encoder(given)
    covariances = stored_covariances(given, [layer for plan in plans for layer in plan.layers], texts)
    outcomes: dict[str, list[EditOutcome]] = {}
    for plan in plans:
        rows["patching_effect"] += _trace_rows(given, plan)
        for name, edit, outcome in _outcomes(given, plan, encoder, texts, covariances):
            outcomes.setdefault(name, []).append(outcome)
            rows["edit"] += [] if edit is None else [edit]
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
    given: Given, plan: EditPlan, encoder: PromptEncoder, texts: Sequence[tuple[int, ...]], covariances: Any
) -> Iterator[tuple[str, dict[str, Any] | None, EditOutcome]]:
    """The fact as it is, then under each edit: the condition, its row of `edit`, what was measured."""
    settings, fact, host = given.settings, plan.fact, given.host
    loss_texts = texts[: settings.loss_texts]
    prefixes = drawn_prefixes(
        texts, len(given.prefix), settings.prefixes, settings.prefix_tokens, given.seed + fact.rewrite.prompt_id
    )
    yield "unedited", None, edit_outcome(given, fact, "unedited", loss_texts)
    request = edit_request(encoder, fact, settings.token, prefixes)
    for each in fact_edits(given, plan, request, covariances):
        weight = DownProjection.of(host, each.found.edit.layer).module.weight
        before = weight.detach().clone()
        with each.found.edit.applied(host):
            outcome = edit_outcome(given, fact, each.condition, loss_texts)
        row = _edit_row(plan, each, len(request.contexts)) | {"is_restored": torch.equal(weight, before)}
        yield each.condition, row, outcome


def _edit_row(plan: EditPlan, each: FactEdit, n_contexts: int) -> dict[str, Any]:
    found, fact, traced = each.found, plan.fact, plan.traced
    edit = found.edit
    return {
        "fact": fact.name,
        "condition": each.condition,
        "prompt_id": fact.rewrite.prompt_id,
        "subject": fact.subject,
        "answer": fact.rewrite.prompt.answer,
        "new_answer": fact.rewrite.prompt.foil,
        "layer": edit.layer,
        "module": edit.module,
        "position": plan.position,
        "traced_effect": None if traced is None else float(traced.effect_L[edit.layer]),
        "n_contexts": n_contexts,
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
    for fact in facts:
        measured = len(fact.prompts) + settings.new_tokens + settings.loss_texts
        total += PassCount(traced + n_states * measured + n_edits * n_rows * (settings.steps + 5))
        total += PassCount(0, n_edits * n_rows * settings.steps)
    return total


def _check(given: Given) -> None:
    settings, host = given.settings, given.host
    StreamReadout.of(host)
    facts, encoder = edited_facts(given.prompts), _encoder(given)
    for layer in range(host.n_layers) if settings.layer == "auto" else [settings.layer]:
        DownProjection.of(host, layer)
    longest = [(0,) * max(settings.prefix_tokens)]
    for fact in facts:
        edit_request(encoder, fact, settings.token, longest if settings.prefixes else [])
    if settings.fit_length <= max(settings.prefix_tokens) + len(given.prefix):
        raise ValueError(
            f"prefix_tokens go up to {max(settings.prefix_tokens)} and texts have {settings.fit_length} tokens: raise "
            "fit_length"
        )


METHOD = ExperimentMethod(settings=ModelEditingSettings, measure=_measure, passes=_passes, check=_check)
