"""In which blocks each fact is edited, and in which its baseline."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from models.attribution.causal_tracing import TracedLayers, TraceNoise, traced_layers
from models.attribution.resumed_pass import ResumedPass
from models.experiments.edited_fact import EditedFact
from models.experiments.method import ExperimentInput
from models.experiments.settings.model_editing import ModelEditingSettings

Given = ExperimentInput[ModelEditingSettings]


@dataclass(frozen=True, slots=True)
class EditPlan:
    """One fact, and where it is edited."""

    fact: EditedFact
    position: int
    """Of the token whose key is rewritten."""
    layer: int
    other_layer: int | None
    """Block of the baseline; None where there is none."""
    traced: TracedLayers | None
    """What tracing found; None where the settings name the block and no baseline asks."""
    blocks: int = 1
    """That are edited, `layer` the last of them."""

    @property
    def layers_edited(self) -> list[int]:
        return list(range(max(0, self.layer - self.blocks + 1), self.layer + 1))

    @property
    def layers(self) -> list[int]:
        return [*self.layers_edited, *([] if self.other_layer is None else [self.other_layer])]


def is_traced(settings: ModelEditingSettings) -> bool:
    """Whether blocks are found by causal tracing."""
    return settings.layer == "auto" or "other_layer" in settings.baselines


def trace_window(given: Given) -> int:
    """Blocks whose MLPs are put right together."""
    asked = given.settings.trace_window
    return max(1, round(given.host.n_layers / 5)) if asked == "auto" else asked


def edit_groups(given: Given, facts: Sequence[EditedFact]) -> list[list[EditPlan]]:
    """Facts that are in the weights together; every fact is traced on its own prompt where the settings ask for it."""
    settings = given.settings
    plans = _edit_plans(given, facts)
    if settings.algorithm == "memit":
        plans = [replace(plan, blocks=settings.blocks) for plan in plans]
    if not settings.together:
        return [[plan] for plan in plans]
    if settings.algorithm == "memit":
        plans = [replace(plan, layer=_common_layer(plans)) for plan in plans]
    return [plans]


def _common_layer(plans: Sequence[EditPlan]) -> int:
    """The block that tracing finds strongest on average; that of the settings where they name one."""
    effects = [plan.traced.effect_L for plan in plans if plan.traced is not None]
    return int(sum(effects[1:], effects[0]).argmax()) if effects else plans[0].layer


def _edit_plans(given: Given, facts: Sequence[EditedFact]) -> list[EditPlan]:
    settings = given.settings
    if not is_traced(settings):
        assert settings.layer != "auto", "only a named block needs no tracing"
        return [EditPlan(fact, fact.key_position(settings.token), settings.layer, None, None) for fact in facts]
    passes = ResumedPass.of(given.host)
    return [_plan(given, fact, passes) for fact in facts]


def _plan(given: Given, fact: EditedFact, passes: ResumedPass) -> EditPlan:
    settings, prompt = given.settings, fact.rewrite
    assert prompt.answer_id is not None, "the settings ask for an answer"
    noise = TraceNoise(settings.noise_seeds, settings.noise_multiple, trace_window(given))
    subject, seed = prompt.subject_positions, given.seed + prompt.prompt_id
    at = fact.key_position(settings.token)
    traced = traced_layers(passes, prompt.token_ids, prompt.answer_id, subject, at, noise, seed)
    layer = traced.strongest if settings.layer == "auto" else settings.layer
    other = traced.weakest if "other_layer" in settings.baselines else None
    return EditPlan(fact, at, layer, None if other == layer else other, traced)
