"""The states of the weights in which some facts are measured: edited, and the baselines."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace

import torch

from models.experiments.edit_plan import EditPlan, Given
from models.interventions.model_editing.key_covariance import KeyCovariance
from models.interventions.model_editing.memit import memit_edits
from models.interventions.model_editing.rank_one_edit import RankOneEdit
from models.interventions.model_editing.rome import EditRequest, RomeEdit, ValueSearch, rome_edit


@dataclass(frozen=True, slots=True)
class FactEdit:
    """One change of the weights for one fact."""

    plan: EditPlan
    found: RomeEdit
    """Of a random direction, that of the edit whose length it has."""


@dataclass(frozen=True, slots=True)
class EditedState:
    """The weights with all changes of some facts."""

    condition: str
    """edited, other_layer or random_direction."""
    made: Sequence[FactEdit]

    @property
    def edits(self) -> list[RankOneEdit]:
        return [each.found.edit for each in self.made]


@dataclass(frozen=True, slots=True)
class _Editing:
    """What all edits of an experiment share."""

    given: Given
    covariances: Mapping[int, KeyCovariance]

    @property
    def search(self) -> ValueSearch:
        settings = self.given.settings
        return ValueSearch(
            settings.steps, settings.learning_rate, settings.kl_factor, settings.weight_decay, settings.largest_change
        )

    def rome(self, plan: EditPlan, request: EditRequest, layer: int) -> FactEdit:
        given = self.given
        covariance, ridge = self.covariances[layer], given.settings.ridge
        return FactEdit(plan, rome_edit(given.host, layer, request, covariance, ridge, self.search))

    def in_turn(self, plans: Sequence[EditPlan], requests: Sequence[EditRequest]) -> Iterator[FactEdit]:
        """Each made on what the ones before left."""
        with ExitStack() as edited:
            for plan, request in zip(plans, requests, strict=True):
                made = self.rome(plan, request, plan.layer)
                yield made
                edited.enter_context(made.found.edit.applied(self.given.host))

    def at_once(self, plans: Sequence[EditPlan], requests: Sequence[EditRequest]) -> Iterator[FactEdit]:
        settings = self.given.settings
        [layers] = {tuple(plan.layers_edited) for plan in plans}
        weights = (settings.covariance_weight, settings.ridge)
        found = memit_edits(self.given.host, layers, requests, self.covariances, *weights, self.search)
        return (FactEdit(plan, each) for plan, of_plan in zip(plans, found, strict=True) for each in of_plan)


def edited_states(
    given: Given,
    plans: Sequence[EditPlan],
    requests: Sequence[EditRequest],
    covariances: Mapping[int, KeyCovariance],
) -> Iterator[EditedState]:
    """The edit of some facts that are in the weights together, then the baselines that the settings name."""
    settings, editing = given.settings, _Editing(given, covariances)
    made = list((editing.at_once if settings.algorithm == "memit" else editing.in_turn)(plans, requests))
    yield EditedState("edited", made)
    others = [
        editing.rome(plan, request, plan.other_layer)
        for plan, request in zip(plans, requests, strict=True)
        if plan.other_layer is not None
    ]
    if others:
        yield EditedState("other_layer", others)
    if "random_direction" in settings.baselines:
        chances = {plan.fact.name: torch.Generator().manual_seed(_seed(given, plan)) for plan in plans}
        yield EditedState("random_direction", [_turned(each, chances[each.plan.fact.name]) for each in made])


def _seed(given: Given, plan: EditPlan) -> int:
    return given.seed + plan.fact.rewrite.prompt_id


def _turned(made: FactEdit, chance: torch.Generator) -> FactEdit:
    """The same key and length, another direction."""
    edit = made.found.edit
    change_D = torch.randn(len(edit.change_D), generator=chance).to(edit.change_D)
    change_D *= edit.change_D.norm() / change_D.norm()
    return replace(made, found=replace(made.found, edit=replace(edit, change_D=change_D)))
