"""The edit of one fact and its baselines, ready to be put into the model."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import torch

from models.experiments.edit_plan import EditPlan, Given
from models.interventions.model_editing.key_covariance import KeyCovariance
from models.interventions.model_editing.rome import EditRequest, RomeEdit, ValueSearch, rome_edit


@dataclass(frozen=True, slots=True)
class FactEdit:
    """One change of the weights for one fact."""

    condition: str
    """edited, other_layer or random_direction."""
    found: RomeEdit
    """Of a random direction, that of the edit whose length it has."""


def fact_edits(
    given: Given, plan: EditPlan, request: EditRequest, covariances: Mapping[int, KeyCovariance]
) -> Iterator[FactEdit]:
    """The edit, then the baselines that the settings name."""
    settings = given.settings
    search = ValueSearch(
        settings.steps, settings.learning_rate, settings.kl_factor, settings.weight_decay, settings.largest_change
    )

    def made(layer: int) -> RomeEdit:
        return rome_edit(given.host, layer, request, covariances[layer], settings.ridge, search)

    found = made(plan.layer)
    yield FactEdit("edited", found)
    if plan.other_layer is not None:
        yield FactEdit("other_layer", made(plan.other_layer))
    if "random_direction" in settings.baselines:
        chance = torch.Generator().manual_seed(given.seed + plan.fact.rewrite.prompt_id)
        change_D = torch.randn(len(found.edit.change_D), generator=chance).to(found.edit.change_D)
        change_D *= found.edit.change_D.norm() / change_D.norm()
        yield FactEdit("random_direction", replace(found, edit=replace(found.edit, change_D=change_D)))
