"""Which places an experiment patches for one prompt, and which of them by a pass of their own."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from models.attribution.patch import Patch, patch_grid
from models.experiments.method import ExperimentInput
from models.experiments.prompt_encoding import EncodedPrompt
from models.experiments.settings.activation_patching import ActivationPatchingSettings


@dataclass(frozen=True, slots=True)
class PatchingPlaces:
    """The places of one prompt."""

    unmoved: Sequence[Patch]
    """Before the first position at which the runs differ: their effect is 0, whatever the model."""
    moved: Sequence[Patch]
    exact: Tensor
    """Numbers of those of `moved` that are patched themselves: all, or a sample that approximations are held to."""

    @classmethod
    def of(
        cls, given: ExperimentInput[ActivationPatchingSettings], n_heads: Sequence[int], prompt: EncodedPrompt
    ) -> "PatchingPlaces":
        settings, first = given.settings, first_changed(prompt, given.settings.corruption)
        kinds = [kind for kind in settings.sites if kind != "feature"]
        grid = list(patch_grid(kinds, given.host.n_layers, n_heads, len(prompt.token_ids), settings.window))
        unmoved = [patch for patch in grid if patch.position is not None and patch.position < first]
        moved = [patch for patch in grid if patch.position is None or patch.position >= first]
        exact = torch.arange(len(moved))
        if "exact" not in settings.methods:
            chance = torch.Generator().manual_seed(given.seed + prompt.prompt_id)
            exact = torch.randperm(len(moved), generator=chance)[: settings.agreement_sample].sort().values
        return cls(unmoved, moved, exact)

    @property
    def measured(self) -> list[Patch]:
        """Those that are patched themselves."""
        return [self.moved[number] for number in self.exact.tolist()]


def first_changed(prompt: EncodedPrompt, corruption: str) -> int:
    """The first position at which the clean and the corrupt run differ."""
    if corruption == "noise" or prompt.corrupt_ids is None:
        return min(prompt.subject_positions, default=0)
    pairs = zip(prompt.token_ids, prompt.corrupt_ids, strict=True)
    return next((position for position, (clean, corrupt) in enumerate(pairs) if clean != corrupt), 0)
