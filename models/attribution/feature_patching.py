"""Patching of a dictionary's features one by one: at one position a feature has its activation of another run.

The site takes the feature's change along its decoder direction, and keeps all else that it holds, what the dictionary
leaves out too; that remainder is a place of its own. Added up over a position, features and remainder make the change
of the site, so that their attributions add up to its attribution.

S seeds, P positions, D width, F features, N places.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from models.attribution.activation_patching import PatchingSweep
from models.attribution.attribution_patching import gradients_at, site_path_gradient
from models.attribution.feature_attribution import ERROR, DecomposedSite
from models.dictionaries.base import SparseDictionary
from models.language_model.sites import Site


@dataclass(frozen=True, slots=True)
class FeaturePlace:
    """A feature, or what the dictionary leaves out (`ERROR`), at one position."""

    feature: int
    position: int


@dataclass(frozen=True)
class FeatureSweep:
    """The features of one dictionary between the two runs of a sweep, which hold the values of its site."""

    sweep: PatchingSweep
    sae: SparseDictionary
    site: Site
    n_special: int
    """Special tokens before the text, at which the dictionary does not read."""

    @cached_property
    def changes(self) -> tuple[Tensor, Tensor]:
        """What codes (S, P, F) and remainder (S, P, D) are in the other run, less what they are in the patched one."""
        runs = []
        for run in (self.sweep.base, self.sweep.source):
            each = [DecomposedSite.of(self.sae, x_PD.float(), self.n_special) for x_PD in run.values[self.site]]
            runs.append([torch.stack(parts) for parts in ([e.codes_PF for e in each], [e.error_PD for e in each])])
        return runs[1][0] - runs[0][0], runs[1][1] - runs[0][1]

    @cached_property
    def places(self) -> list[FeaturePlace]:
        """Everything that changes between the runs."""
        codes_SPF, error_SPD = self.changes
        found = [FeaturePlace(k, p) for p, k in (codes_SPF != 0).any(0).nonzero().tolist()]
        return [*found, *(FeaturePlace(ERROR, p) for [p] in (error_SPD != 0).any(0).any(-1).nonzero().tolist())]

    def attributed(self) -> Tensor:
        """Attribution patching of every place (N,); float64."""
        return self._scores(gradients_at(self.sweep, [self.site])[self.site])

    def integrated(self, n_steps: int, rows_per_pass: int) -> Tensor:
        """Integrated gradients along the site's own way from one run to the other."""
        return self._scores(site_path_gradient(self.sweep, self.site, n_steps, rows_per_pass))

    def _scores(self, gradient_SPD: Tensor) -> Tensor:
        codes_SPF, error_SPD = self.changes
        along_SPF = gradient_SPD.float() @ self.sae.W_dec.detach().to(gradient_SPD.device).float().T
        features_PF = (codes_SPF * along_SPF).double().mean(0)
        error_P = (error_SPD * gradient_SPD).double().sum(-1).mean(0)
        scores = [
            error_P[p.position] if p.feature == ERROR else features_PF[p.position, p.feature] for p in self.places
        ]
        return torch.stack(scores).cpu() if scores else torch.zeros(0, dtype=torch.float64)

    @torch.no_grad()
    def exact(self, places: Sequence[FeaturePlace], rows_per_pass: int) -> Tensor:
        """The metric under each patch less that of the run without it (N,), averaged over the seeds; float64."""
        base_S, found = self.sweep.base.metric_S.double().cpu(), [torch.zeros(0, dtype=torch.float64)]
        for chunk in torch.arange(len(places)).split(max(1, rows_per_pass // self.sweep.n_seeds)):
            metric_B = self._patched([places[number] for number in chunk.tolist()])
            found.append((metric_B.double().cpu().unflatten(0, (len(chunk), -1)) - base_S).mean(1))
        return torch.cat(found)

    def _patched(self, places: Sequence[FeaturePlace]) -> Tensor:
        """The metric of every place and seed, place by place."""
        start, base = self.site.layer or 0, self.sweep.base.values
        entry = Site("resid_pre", start)
        change_BPD = torch.cat([self._change(place) for place in places])
        stream_BPD = base[entry].repeat(len(places), 1, 1)
        edits = {self.site: lambda x_BPD: x_BPD + change_BPD.to(x_BPD)}
        if self.site == entry:
            stream_BPD, edits = stream_BPD + change_BPD.to(stream_BPD), {}
        return self.sweep.metric(self.sweep.passes(self.sweep.token_ids_P, start, stream_BPD, edits).logits_BV)

    def _change(self, place: FeaturePlace) -> Tensor:
        """What the site takes at every seed (S, P, D)."""
        codes_SPF, error_SPD = self.changes
        change_SPD = torch.zeros_like(error_SPD)
        if place.feature == ERROR:
            change_SPD[:, place.position] = error_SPD[:, place.position]
        else:
            direction_D = self.sae.W_dec.detach()[place.feature].to(error_SPD)
            change_SPD[:, place.position] = codes_SPF[:, place.position, place.feature, None] * direction_D
        return change_SPD
